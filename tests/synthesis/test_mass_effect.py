"""Mass effect in samples: off by default, in the bits of what is altered, and for negatives too where asked for."""

import json

import numpy as np
import pytest
import torch

from tests.conftest import SMALL, SMALL_3D
from xaigt.dataset.layout import ALTERED
from xaigt.lesions import family
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render

CPU = torch.device("cpu")
GROUPS = [{"family": "intraparenchymal", "parameters": {"volume_ml": 30, "sites": {"choice": {"lobar": 1}}}}]
STRENGTH = {"uniform": [0.3, 0.9]}


def recipe(mass_effect, changes=SMALL_3D, groups=GROUPS):
    settings = ["choose=null", f"lesions={json.dumps(groups)}", f"mass_effect={json.dumps(mass_effect)}"]
    return load_recipe("hemorrhage", settings, changes)


def rendered(chosen, label, seed=1):
    number = next(n for n in range(2) if draw_plan(chosen, seed, n).label == label)
    plan = draw_plan(chosen, seed, number)
    return plan, render(plan, sampling_grid(chosen), chosen, CPU)


def test_it_is_off_by_default():
    assert load_recipe("hemorrhage").mass_effect is None
    plan, found = rendered(recipe(None), 1)
    assert plan.mass_effect == 0 and not (found.arrays["altered"] & ALTERED["displaced"]).any()


@pytest.mark.parametrize("changes", [SMALL, SMALL_3D], ids=["2-D", "3-D"])
def test_displaced_tissue_is_altered_and_no_lesion(changes):
    still, pushed = (rendered(recipe(given, changes), 1) for given in (None, {"strength": STRENGTH}))
    # The same sample, but for the displacement: same lesion, same truth, same twin.
    assert pushed[0].lesions == still[0].lesions and 0.3 <= pushed[0].mass_effect <= 0.9
    for name in ("twin", "lesion", "compartment", "support"):
        assert np.array_equal(pushed[1].arrays[name], still[1].arrays[name]), name
    arrays = pushed[1].arrays
    displaced = (arrays["altered"] & ALTERED["displaced"]) > 0
    assert displaced.sum() > (arrays["lesion"] > 0).sum() * 0.1
    assert not (displaced & (arrays["lesion"] > 0)).any()
    assert np.array_equal(arrays["altered"] > 0, arrays["image"] != arrays["twin"])
    # Each altered voxel has one reason.
    assert set(np.unique(arrays["altered"])) <= {0, *ALTERED.values()}


@pytest.mark.parametrize("sham", [False, True])
def test_sham_displaces_negatives_by_the_same_distribution(sham):
    chosen = recipe({"strength": STRENGTH, "sham": sham})
    plan, found = rendered(chosen, 0)
    arrays = found.arrays
    assert not arrays["lesion"].any()
    assert set(np.unique(arrays["altered"])) == ({0, ALTERED["displaced"]} if sham else {0})
    if sham:
        # The displacement is that of the lesion which the class leaves out: planting it changes nothing else.
        with_it = plan.model_copy(
            update={"lesions": tuple(item.model_copy(update={"planted": True}) for item in plan.lesions)}
        )
        grid = sampling_grid(chosen)
        other = render(with_it, grid, chosen, CPU).arrays
        lesion = plan.lesions[0].lesion
        places = np.stack(np.meshgrid(*grid.axes(), indexing="ij"), -1)[arrays["image"] != other["image"]]
        distance = np.linalg.norm(places - np.asarray(lesion.centre_mm), axis=-1)
        assert 0 < distance.max() <= family(lesion.family).reach(lesion) + np.linalg.norm(grid.voxel)


def test_strengths_of_both_classes_have_one_distribution():
    chosen = recipe({"strength": STRENGTH, "sham": True}, SMALL)
    strengths = {label: [] for label in (0, 1)}
    for number in range(8):
        plan = draw_plan(chosen, 2, number)
        strengths[plan.label].append(plan.mass_effect)
    assert all(0.3 <= value <= 0.9 for values in strengths.values() for value in values)
    assert len({value for values in strengths.values() for value in values}) == 8
    # Drawn from a stream of its own: the class has no part in it.
    flipped = [draw_plan(recipe({"strength": STRENGTH}, SMALL), 2, number).mass_effect for number in range(8)]
    assert sorted(flipped) == sorted(value for values in strengths.values() for value in values)
