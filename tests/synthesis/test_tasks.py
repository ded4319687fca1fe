"""Tasks: classes, what is planted for them, the evidence that is recorded, and the class-swapped twin."""

import json

import numpy as np
import pytest
import torch

from tests.conftest import SMALL, SMALL_3D
from xaigt.errors import XaigtError
from xaigt.synthesis.block import labels
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.evidence import evidence_rows
from xaigt.synthesis.generate import describe, prepare, targets
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render

CPU = torch.device("cpu")
SPHERE = {"ellipsoids": 1, "roughness": 0.0, "axis_ratio": 1.0, "oedema_mm": 3.0}


def group(name, volume=2.0, **rest):
    parameters = {**SPHERE, "volume_ml": volume, "core_hu": 70, **rest.pop("parameters", {})}
    return {"family": "intraparenchymal", "name": name, "gap_mm": 1, "parameters": parameters, **rest}


def recipe(groups, changes=SMALL, **fields):
    settings = ["choose=null", "classes=null", f"lesions={json.dumps(groups)}"]
    settings += [f"{key}={json.dumps(value)}" for key, value in fields.items()]
    return load_recipe("hemorrhage", settings, changes)


def rendered(chosen, sample, seed=0):
    plan = draw_plan(chosen, seed, sample)
    return plan, render(plan, sampling_grid(chosen), chosen, CPU)


def test_every_block_has_each_class_once_and_the_class_moves_nothing_else():
    for task, groups, classes in (
        ("presence", [group("a")], 2),
        ("side", [group("a")], 2),
        ("count", [group("a", count={"integers": [1, 3]})], 3),
    ):
        chosen = recipe(groups, task=task)
        plans = [draw_plan(chosen, 0, sample) for sample in range(2 * classes)]
        assert sorted(plan.label for plan in plans[:classes]) == list(range(classes))
        assert len({len(plan.lesions) for plan in plans}) == 1  # all are drawn, whatever is planted


def test_the_count_is_the_number_that_is_planted():
    chosen = recipe([group("a", volume=1.0, count={"integers": [1, 3]})], SMALL_3D, task="count")
    assert chosen.class_names == ["1", "2", "3"]
    for sample in range(3):
        plan, found = rendered(chosen, sample)
        assert sum(item.planted for item in plan.lesions) == plan.label + 1 == len(found.lesions)
        rows = evidence_rows(chosen, plan.label, found.lesions)
        for target in range(3):
            own = [row for row in rows if row["target"] == target]
            if target > plan.label:
                assert [row["localizable"] for row in own] == [False]
            else:
                expected = "supports" if target == plan.label else "opposes"
                assert {row["direction"] for row in own} == {expected} and len(own) == plan.label + 1


def test_subtypes_can_be_counted():
    """On the hemorrhage recipe itself: as many different subtypes as the class says, whichever they are."""
    chosen = load_recipe("hemorrhage", ["choose={integers: [1, 3]}"], {**SMALL_3D, "task": "count"})
    assert chosen.class_names == ["1", "2", "3"]
    groups = set()
    for sample in range(6):
        plan = draw_plan(chosen, 0, sample)
        lesions = [item for item in plan.lesions if item.role == "lesion"]
        planted = [item.group for item in lesions if item.planted]
        assert len(lesions) == 3 and len(set(planted)) == len(planted) == plan.label + 1
        groups |= set(planted)
    assert len(groups) > 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([], "needs different numbers, such as choose"),
        (["choose=null"], "several groups"),
        (["choose={integers: [0, 2]}"], "only the task subtype may have none"),
        (["choose={integers: [1, 3]}", "lesions.0.count=2"], "each with count: 1"),
    ],
)
def test_what_cannot_be_counted_is_refused(settings, message):
    with pytest.raises(XaigtError, match=message):
        load_recipe("hemorrhage", settings, {"task": "count"})


def test_hemorrhages_of_one_side():
    """On the hemorrhage recipe itself; what reaches over the midline lies on neither side, or on the side it is of."""
    chosen = load_recipe("hemorrhage", [], {**SMALL, "task": "side"})
    sides = set()
    for sample in range(8):
        plan, found = rendered(chosen, sample)
        row = next(row for row in found.lesions if row["role"] == "lesion")
        name = chosen.class_names[plan.label]
        assert row["side"] in (name, "midline", None)
        sides.add(row["side"] == name)
    assert True in sides


def test_the_side_is_the_side_of_the_mask():
    chosen = recipe([group("a")], task="side")
    for sample in range(4):
        plan, found = rendered(chosen, sample)
        assert found.lesions[0]["side"] == ("left", "right")[plan.label] == chosen.class_names[plan.label]
        # Columns run from the patient's right to the left.
        column = np.argwhere(found.arrays["lesion"])[:, 1].mean()
        assert (column > 31.5) == (plan.label == 0)


def test_subtypes_are_labels_of_what_is_seen(tmp_path):
    chosen = load_recipe("hemorrhage", ["choose={integers: [1, 3]}"], {**SMALL, "task": "subtype"})
    assert chosen.class_names == [item.family for item in chosen.lesions if item.role == "lesion"]
    assert len(chosen.class_names) == 5
    assert targets(chosen.written_out()) == [f"has_{name}" for name in chosen.class_names]
    described = describe(prepare(chosen, tmp_path, samples=5, seed=0, splits=None, device="cpu"))
    assert described["compartments_of"]["intraventricular"] == 2 and described["compartments_of"]["epidural"] == 8
    several = 0
    for sample in range(5):
        plan, found = rendered(chosen, sample)
        seen = {row["group"] for row in found.lesions if row["role"] == "lesion" and row["visible"]}
        columns = labels(chosen, plan.label, found.lesions)
        assert {name for name in chosen.class_names if columns[f"has_{name}"]} == seen
        assert columns["label"] == int(bool(seen))
        rows = evidence_rows(chosen, plan.label, found.lesions)
        assert {chosen.class_names[row["target"]] for row in rows if row["localizable"]} == seen
        several += sum(item.role == "lesion" for item in plan.lesions) > 1
    assert several


def test_a_rule_plants_what_makes_its_class_and_the_swapped_twin_has_the_other_class():
    chosen = recipe([group("a"), group("b", volume=3.0)], SMALL_3D, task="rule", rule="a xor b")
    for sample in range(4):
        plan, found = rendered(chosen, sample)
        planted = {item.group: item.planted for item in plan.lesions}
        swapped = {item.group: item.swapped for item in plan.lesions}
        assert (planted["a"] != planted["b"]) == bool(plan.label) != (swapped["a"] != swapped["b"])
        assert sum(planted[name] != swapped[name] for name in "ab") == 1
        arrays = found.arrays
        # The twins agree but where the group that was exchanged lies.
        differ = arrays["image"] != arrays["swapped"]
        exchanged = (arrays["lesion"] > 0) ^ (arrays["swapped_lesion"] > 0)
        assert exchanged.any() and differ[exchanged].mean() > 0.9
        assert np.abs(arrays["image"].astype(int) - arrays["swapped"])[(arrays["lesion"] > 0) & ~exchanged].max() <= 1


@pytest.mark.parametrize(
    ("rule", "label", "seen", "expected"),
    [
        # (target, instance, direction); instance 0: an absence
        ("a and not b", 1, ["a"], {(1, 1, "supports"), (0, 1, "opposes"), (1, 0, "none")}),
        ("a and not b", 0, ["a", "b"], {(0, 2, "supports"), (1, 2, "opposes")}),
        ("a and not b", 0, [], {(0, 0, "none"), (1, 0, "none")}),
        ("a and not b", 0, ["b"], {(0, 0, "none"), (1, 0, "none")}),
        ("a xor b", 1, ["b"], {(1, 1, "supports"), (0, 1, "opposes"), (1, 0, "none")}),
        ("a xor b", 0, ["a", "b"], {(0, 1, "supports"), (0, 2, "supports"), (1, 1, "opposes"), (1, 2, "opposes")}),
    ],
)
def test_evidence_of_rules_by_hand(rule, label, seen, expected):
    chosen = recipe([group("a"), group("b")], task="rule", rule=rule)
    names = {"a": 1, "b": 2} if len(seen) == 2 else dict.fromkeys(seen, 1)
    lesions = [
        {"role": "lesion", "group": name, "instance": names[name], "voxels": 9, "visible": True} for name in seen
    ]
    rows = evidence_rows(chosen, label, lesions)
    assert {(row["target"], row["instance"], row["direction"]) for row in rows} == expected
    assert all(row["localizable"] == (row["instance"] > 0) for row in rows)


@pytest.mark.parametrize("policy", ["flag", "exclude"])
def test_a_lesion_that_cannot_be_seen_is_flagged_and_is_no_evidence(policy):
    grey = {"core_hu": 33, "texture_hu": 0, "oedema_hu": 0}  # as dense as brain
    chosen = recipe([group("a", parameters=grey)], visibility={"minimum_cnr": 2.0, "invisible": policy})
    plan, found = next(made for sample in range(2) if (made := rendered(chosen, sample))[0].label == 1)
    row = found.lesions[0]
    assert row["voxels"] > 0 and row["cnr"] < 2 and not row["visible"]
    assert found.arrays["lesion"].any() == (policy == "flag")
    assert not any(row["localizable"] for row in evidence_rows(chosen, plan.label, found.lesions))


@pytest.mark.parametrize("dial", [1.0, 4.0])
def test_the_dial_sets_the_contrast_to_noise(dial):
    quiet = {"texture_hu": 0, "oedema_hu": 0}
    chosen = recipe([group("a", volume=8.0, parameters=quiet)], SMALL_3D, contrast_to_noise=dial)
    for sample in range(4):
        plan, found = rendered(chosen, sample)
        if plan.label:
            # Partial volume at the border lowers the mean over the mask, rounding to whole HU blurs it.
            assert 0.7 * dial < found.lesions[0]["cnr"] < 1.05 * dial


def test_distractors_are_in_image_and_twin_of_every_class_and_never_in_the_truth():
    chosen = recipe([group("a"), group("b", role="distractor")], SMALL_3D)
    for sample in range(2):
        plan, found = rendered(chosen, sample)
        other, lesion = found.arrays["other"] > 0, found.arrays["lesion"] > 0
        assert other.any() and not (other & lesion).any() and lesion.any() == bool(plan.label)
        assert np.array_equal(found.arrays["image"][other & ~lesion], found.arrays["twin"][other & ~lesion])
        roles = {row["group"]: row["role"] for row in found.lesions}
        assert roles["b"] == "distractor" and ("a" in roles) == bool(plan.label)
        row = next(row for row in found.lesions if row["group"] == "b")
        assert row["contrast"] > 20 and row["voxels"] == (found.arrays["other"] == row["instance"]).sum()


def test_lesions_keep_the_gap_that_is_asked():
    chosen = recipe([group("a", volume=1.0, count=4, gap_mm=5)], SMALL_3D)
    plan = draw_plan(chosen, 0, 0)
    from xaigt.lesions import family

    for i, one in enumerate(plan.lesions):
        for two in plan.lesions[:i]:
            reach = sum(family(item.lesion.family).reach(item.lesion) for item in (one, two))
            assert np.linalg.norm(np.subtract(one.lesion.centre_mm, two.lesion.centre_mm)) >= reach + 5


def test_a_slice_drawn_first_is_where_the_template_height_is_seen():
    chosen = recipe([group("a")], slice_mm=20.0)
    from xaigt.anatomy.fields import load_fields
    from xaigt.anatomy.world import Anatomy

    plan = draw_plan(chosen, 0, 0)
    anatomy = Anatomy.of(load_fields(plan.template), plan.subject, CPU)
    x, y, _ = anatomy.fields.centre
    assert plan.slice_mm == pytest.approx(anatomy.to_scanner((20.0, y, x))[0], abs=1e-3)
