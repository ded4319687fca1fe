"""The audit fails on planted leaks, each in the line that it belongs to; on clean data it does not fail."""

import json

import numpy as np
import pytest

from tests.audit.toy import SIZE, toy
from xaigt.audit import Verdict, audit
from xaigt.audit.lines import Role

TABLES = {"arrays": False}
PIXELS = {"rerender": 0}


def noisier(item, rng):
    item["noise"] += 1.5 * item["label"]


def shifted_place(item, rng):
    item["at"][1] = rng.integers(10, 16) + 6 * item["label"]


def extreme_volume(item, rng):  # the medians are the same
    low, high = ((600, 800), (1200, 1400))[int(rng.integers(2))] if item["label"] else (850, 1150)
    item["volume"] = float(rng.uniform(low, high))


def even_columns(item, rng):
    item["at"][1] = 10 + 2 * rng.integers(6) + item["label"]


def higher_slice(item, rng):
    item["slice_mm"] += 30 * item["label"]


def own_template(item, rng):
    item["template"] = ("one", "two")[item["label"] if rng.random() < 0.9 else 1 - item["label"]]


def together_only(item, rng):  # noise and slice agree in positives, disagree in negatives: each alone says nothing
    high = bool(rng.integers(2))
    item["noise"] = 4.5 if high else 3.5
    item["noise"] += float(rng.uniform(-0.4, 0.4))
    item["slice_mm"] = float(rng.uniform(0, 20)) + (30 if high == bool(item["label"]) else 0)


def sorted_file(item, rng):
    item["label"] = int(item["number"] >= 120)


LEAKS = {
    "noise": (noisier, "noise"),
    "place": (shifted_place, "place x"),
    "size, not monotone": (extreme_volume, "volume"),
    "parity": (even_columns, "parity of voxel x"),
    "slice": (higher_slice, "slice height"),
    "template": (own_template, "template"),
    "together": (together_only, "all together"),
    "file order": (sorted_file, "file order"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_in_tables_fails_where_it_lies(tmp_path, name):
    leak, line = LEAKS[name]
    report = audit(toy(tmp_path / "d", drawn=leak, write_arrays=False), **TABLES)
    assert report.verdict is Verdict.FAIL
    failed = {item.name for item in report.failed}
    assert line in failed
    assert failed <= {line, "all together", "side", "place x", "place z"}  # what follows from place and slice


def test_what_is_not_monotone_is_seen_by_the_tree_alone(tmp_path):
    report = audit(toy(tmp_path / "d", drawn=extreme_volume, write_arrays=False), **TABLES)
    verdicts = {line.test: line.verdict for line in report.lines if line.name == "volume"}
    assert verdicts["tree"] is Verdict.FAIL and verdicts["rank"] is not Verdict.FAIL


def test_what_two_covariates_say_together_is_seen_by_neither_alone(tmp_path):
    report = audit(toy(tmp_path / "d", drawn=together_only, write_arrays=False), **TABLES)
    assert {(line.name, line.test) for line in report.failed} == {("all together", "boosted")}


def brighter_head(item, rng):
    item["head"] += 6 * item["label"]


def rest_of_a_lesion(item, rng):
    if item["label"]:
        item["arrays"]["image"][1:4, 1:4] += 20
        item["arrays"]["altered"][1:4, 1:4] = 8


def unrecorded(item, rng):
    if item["label"] and item["number"] < 20:
        item["arrays"]["image"][2, 2] += 5


def lesion_of_nothing(item, rng):
    item["arrays"]["image"] = item["arrays"]["twin"].copy()
    item["arrays"]["altered"][:] = 0


def test_brighter_healthy_twins_fail(tmp_path):
    report = audit(toy(tmp_path / "d", drawn=brighter_head), **PIXELS)
    assert {line.name for line in report.failed} == {"healthy twins", "images, lesions filled"}


def test_what_a_lesion_leaves_outside_the_discs_fails(tmp_path):
    report = audit(toy(tmp_path / "d", arrays=rest_of_a_lesion), **PIXELS)
    assert [line.name for line in report.failed] == ["images, lesions filled"]


def test_a_lesion_that_does_not_show_fails(tmp_path):
    report = audit(toy(tmp_path / "d", arrays=lesion_of_nothing), **PIXELS)
    assert {"lesion alone", "visible lesions are visible"} <= {item.name for item in report.failed}


def one_subject(item, rng):
    if item["number"] in (0, 2):
        item["subject"] = "shared"


def one_seed(item, rng):
    if item["number"] in (0, 1):
        item["seed"] = 2**50


def unknown_form(item, rng):
    """Plans that say nothing of the form of their lesions: masks alone can tell."""
    plan = json.loads(item["row"]["plan"])
    for lesion in plan["lesions"]:
        del lesion["lesion"]["noise_seed"]
    item["row"]["plan"] = json.dumps(plan)


def one_drawn_form(item, rng):
    plan = json.loads(item["row"]["plan"])
    for lesion in plan["lesions"]:
        lesion["lesion"]["template"] = item["number"] // 4
    item["row"]["plan"] = json.dumps(plan)


def one_form(item, rng):
    if item["label"] and item["number"] in (4, 5, 6, 7):
        known = item["state"].setdefault("form", item["arrays"])
        lesion = np.roll(known["lesion"], 2, axis=0)
        item["arrays"] |= {"lesion": lesion, "altered": lesion.copy(), "image": item["arrays"]["twin"] + 20 * lesion}
        item["arrays"]["image"] = item["arrays"]["image"].astype(np.int16)


def one_background(item, rng):
    if item["number"] == 0:
        item["state"]["twin"] = item["arrays"]["twin"]
    if item["number"] == 2:
        twin = item["state"]["twin"] + (rng.random((SIZE, SIZE)) < 0.02).astype(np.int16)
        item["arrays"] |= {"twin": twin, "image": (twin + 20 * item["arrays"]["lesion"]).astype(np.int16)}


def wrong_voxels(item, rng):
    for lesion in item["lesions"]:
        lesion["voxels"] += item["number"] < 4


def wrong_bits(item, rng):
    if item["number"] < 4:
        item["arrays"]["altered"][0, 0] = 1


def unseen(item, rng):  # noise in the table agrees: contrast over noise is below what is visible
    if item["number"] < 32:
        item["row"]["noise_sd"] = 50.0
        for lesion in item["lesions"]:
            lesion["visible"] = False


def no_evidence(item, rng):
    if item["number"] < 4:
        item["evidence"] = item["evidence"][:1]


def invisible(item, rng):
    for lesion in item["lesions"]:
        lesion["visible"] = item["number"] >= 4


def other_place(item, rng):
    for lesion in item["lesions"]:
        lesion["centre_x_mm"] += item["number"] < 4


def wrong_plan(item, rng):
    plan = json.loads(item["row"]["plan"])
    plan["label"] = 1 - plan["label"] if item["number"] < 4 else plan["label"]
    item["row"]["plan"] = json.dumps(plan)


CHECKS = {
    "difference": ({"rows": unrecorded}, "image and twin differ only where recorded"),
    "voxels": ({"rows": wrong_voxels}, "instances and bits agree with the arrays"),
    "bits": ({"rows": wrong_bits}, "instances and bits agree with the arrays"),
    "place": ({"rows": other_place}, "tables and plans agree with the arrays"),
    "evidence": ({"rows": no_evidence}, "tables and plans agree with the arrays"),
    "plan": ({"rows": wrong_plan}, "tables and plans agree with the arrays"),
    "visible": ({"rows": invisible}, "visible lesions are visible"),
    "subject": ({"drawn": one_subject}, "no subject in two splits"),
    "seed": ({"drawn": one_seed}, "no random numbers used twice"),
    "mask": ({"arrays": one_form, "rows": unknown_form}, "no lesion shape in two splits"),
    "form": ({"rows": one_drawn_form}, "no lesion shape in two splits"),
    "label": ({"rows": unseen}, "visible lesions make the class"),
    "image": ({"arrays": one_background}, "no near-identical images in two splits"),
    "template": ({"recipe": {"disjoint": "template"}}, "no template in two splits"),
    "person": ({"recipe": {"disjoint": "subject"}}, "no person in two splits"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_wrong_fails_its_check_and_no_other(tmp_path, name):
    arguments, check = CHECKS[name]
    report = audit(toy(tmp_path / "d", 60, **arguments), pixels=False, rerender=0)
    assert {item.name for item in report.failed} == {check}


def test_shared_templates_are_a_limitation_where_the_recipe_declares_nothing(tmp_path):
    report = audit(toy(tmp_path / "d", 60, write_arrays=False), **TABLES)
    found = next(check for check in report.checks if check.name == "templates and splits")
    assert found.verdict is Verdict.NOT_JUDGED and "2 of 2 templates" in found.note


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_clean_data_do_not_fail(tmp_path, seed):
    report = audit(toy(tmp_path / "d", 120, seed=seed), rerender=0, seed=seed)
    assert report.failed == []
    pixels = {line.name: line for line in report.lines if line.test == "pixels"}
    assert pixels["lesion alone"].verdict is Verdict.PASS
    assert pixels["healthy twins"].verdict is Verdict.INCONCLUSIVE


@pytest.mark.slow
def test_clean_data_pass_where_there_are_enough(tmp_path):
    report = audit(toy(tmp_path / "d", 12000, write_arrays=False), **TABLES)
    judged = [line for line in report.lines if line.role is not Role.NATURE]
    assert {line.verdict for line in judged} == {Verdict.PASS}
    assert report.verdict is Verdict.PASS


def test_declared_covariates_must_come_out(tmp_path):
    data = toy(tmp_path / "d", drawn=noisier, write_arrays=False, recipe={"class_defining": ["noise", "slice_mm"]})
    found = {(line.name, line.test): line for line in audit(data, **TABLES).lines}
    assert found["noise", "rank"].verdict is Verdict.PASS and found["noise", "rank"].role is Role.DECLARED
    assert found["slice height", "rank"].verdict is not Verdict.PASS
    assert found["all together", "boosted"].verdict is not Verdict.FAIL  # what is declared is not asked again


def test_a_declared_covariate_that_is_not_measured_is_a_limitation(tmp_path):
    data = toy(tmp_path / "d", 60, write_arrays=False, recipe={"class_defining": ["colour"]})
    assert any("'colour'" in words for words in audit(data, **TABLES).limitations)


def test_more_than_two_classes_are_asked_one_by_one(tmp_path):
    def leak(item, rng):
        item["noise"] += 2 * (item["label"] == 2)

    report = audit(toy(tmp_path / "d", 240, drawn=leak, write_arrays=False, classes=3), **TABLES)
    failed = {(line.name, line.test, line.target) for line in report.failed}
    assert ("noise", "rank", "class 2") in failed
    assert {line.target for line in report.lines} == {"class 0", "class 1", "class 2"}
