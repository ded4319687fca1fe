"""A lesion that cannot be seen is no evidence: it is flagged, excluded from the truth, or drawn again."""

import json

import numpy as np
import pytest
import torch

from tests.conftest import SMALL
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.errors import XaigtError
from xaigt.randomness import stream
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.evidence import evidence_rows
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.measure import Ruler
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render
from xaigt.synthesis.visible import seen
from xaigt.volume import Grid

CPU = torch.device("cpu")
MINIMUM = 2.0
HEAD = (load_fields("mni152-ct"), draw_subject(stream(0, 0, "subject"), SubjectRecipe()))


def recipe(policy, hu=None, **parameters):
    # As dense as brain, or much denser, evenly often; seen against 35 HU or so and noise of 4.
    hu = hu or {"quantiles": {"0": 33, "0.5": 34, "0.501": 70, "1": 72}}
    given = {"volume_ml": 8, "core_hu": hu, "texture_hu": 0, "oedema_hu": 0, **parameters}
    settings = [
        "choose=null",
        f"lesions={json.dumps([{'family': 'intraparenchymal', 'parameters': given}])}",
        f"visibility={json.dumps({'minimum_cnr': MINIMUM, 'invisible': policy})}",
    ]
    return load_recipe("hemorrhage", settings, SMALL)


def made(chosen, count=10, seed=0):
    for sample in range(count):
        plan = draw_plan(chosen, seed, sample)
        yield plan, render(plan, sampling_grid(chosen), chosen, CPU)


@pytest.mark.parametrize("policy", ["flag", "exclude"])
def test_what_is_flagged_stays_in_the_image_and_is_no_evidence(policy):
    chosen = recipe(policy)
    found = [(plan, sample) for plan, sample in made(chosen) if plan.label == 1]
    flags = [sample.lesions[0]["visible"] for _, sample in found]
    assert set(flags) == {False, True}
    for (plan, sample), flag in zip(found, flags, strict=True):
        row, arrays = sample.lesions[0], sample.arrays
        assert row["voxels"] > 0 and flag == (row["cnr"] >= MINIMUM)
        assert (arrays["image"] != arrays["twin"]).any()  # it is there all the same
        assert arrays["lesion"].any() == (flag or policy == "flag")
        localizable = [row["localizable"] for row in evidence_rows(chosen, plan.label, sample.lesions)]
        assert any(localizable) == flag


def test_drawn_again_all_are_visible_and_only_what_was_invisible_moved():
    flagged, redrawn = recipe("flag"), recipe("redraw")
    moved = kept = 0
    for (before, first), (after, second) in zip(made(flagged), made(redrawn), strict=True):
        assert after.subject == before.subject and after.label == before.label
        assert after.acquisition == before.acquisition
        if after.label == 1:
            assert second.lesions[0]["visible"]
            if first.lesions[0]["visible"]:
                assert after.lesions == before.lesions
        same = after.lesions == before.lesions
        kept, moved = kept + same, moved + (not same)
    assert kept and moved


def test_negatives_go_through_the_same_selection():
    chosen = recipe("redraw")
    for sample in range(8):
        plan = draw_plan(chosen, 0, sample)
        assert seen(plan, chosen, sampling_grid(chosen, plan.slice_mm))
        assert plan.lesions[0].lesion.blood.core_hu > 60  # of both classes: density does not tell them apart


def test_what_can_never_be_seen_is_an_error():
    with pytest.raises(XaigtError, match=r"sample 0 had no visible lesions .* lower visibility\.minimum_cnr"):
        draw_plan(recipe("redraw", hu=33, volume_ml=1), 0, 0)


def test_mixed_blood_is_seen_by_its_parts():
    """Fresh blood in old: on the average it can be as dense as brain, and all the same be seen."""
    mask, without = np.ones((1, 4, 4), bool), np.full((1, 4, 4), 30, np.int16)
    image = without + np.where(np.arange(4) < 2, 20, -20).astype(np.int16)
    ruler = Ruler(Grid((1, 4, 4), (5.0, 1.0, 1.0), 5.0, (30.0, 0.0, 0.0)), Anatomy.of(*HEAD, CPU), noise_sd=4.0)
    row = ruler.measure(mask, image, without, 1.0)
    assert (row["contrast"], row["cnr"], row["visible"]) == (0, 0, False)
    row = ruler.measure(mask, image, without, 1.0, mixed=True)
    assert (row["contrast"], row["cnr"], row["visible"]) == (0, 5, True)  # 20 HU over 4
    even = ruler.measure(mask, without + 6, without, 1.0, mixed=True)
    assert even["cnr"] == ruler.measure(mask, without + 6, without, 1.0)["cnr"] == 1.5


def test_isodense_stages_are_flagged():
    """Subacute blood has about the density of the brain: some of it cannot be seen."""
    chosen = recipe("flag", stage={"choice": {"subacute": 1}}, subacute_hu={"uniform": [30, 54]})
    rows = [sample.lesions[0] for plan, sample in made(chosen, 16) if plan.label == 1]
    assert {row["stage"] for row in rows} == {"subacute"}
    assert {row["visible"] for row in rows} == {False, True}
    assert all(row["visible"] == (row["cnr"] >= MINIMUM) for row in rows)
