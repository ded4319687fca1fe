"""The recipes of the MR families: valid in 2-D and 3-D, in every contrast they name, the same from their plans."""

import numpy as np
import pytest
import torch

from tests.conftest import SMALL, SMALL_3D
from xaigt.anatomy.fields import load_fields
from xaigt.errors import XaigtError
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import Plan
from xaigt.synthesis.render import render

CPU = torch.device("cpu")
# Recipe -> sign of image minus twin in its own contrast.
RECIPES = {
    "white-matter": 1,
    "ms": 1,
    "tumor": 1,
    "stroke": 1,
    "stroke-ct": -1,
    "lacune": -1,
    "microbleed": -1,
    "calcification": 1,
}
FINE = {"grid.size": 112, "grid.spacing": 2.0, "grid.thickness": 2.0}
SMALLEST = ("lacune", "microbleed", "calcification")  # whose smallest would fill no voxel of these volumes
# Enough of a volume to hold the lesions, at voxels that the smallest of them fill.
VOLUME = {"grid.dim": 3, "grid.size": [64, 72, 64], "grid.spacing": [2.5, 2.5, 2.5], "grid.thickness": None}


def positive(name, changes, settings=()):
    recipe = load_recipe(name, settings, changes)
    plan = next(plan for plan in (draw_plan(recipe, 5, n) for n in range(4)) if plan.label == 1)
    return recipe, plan


def rendered(recipe, plan):
    return render(plan, recipe.grid.resolve(load_fields(plan.template).centre), recipe, CPU)


def check(name, changes, settings=()):
    recipe, plan = positive(name, changes, settings)
    first = rendered(recipe, plan)
    again = rendered(recipe, Plan.model_validate_json(plan.model_dump_json()))
    for key, array in first.arrays.items():
        assert np.array_equal(array, again.arrays[key]), key
    arrays = first.arrays
    mask = arrays["lesion"] > 0
    assert mask.any()
    change = arrays["image"].astype(int) - arrays["twin"]
    assert np.sign(change[mask].mean()) == RECIPES[name]
    assert not (change != 0)[arrays["altered"] == 0].any()
    assert arrays["support"][mask].all()
    return plan, first


QUICK = ("ms", "stroke", "stroke-ct", "calcification")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES]
)
def test_slices(name):
    plan, found = check(name, FINE)
    if load_recipe(name).slice_mm is not None:  # drawn first: no lesion misses it
        assert all(row["voxels"] > 0 for row in found.lesions) and len(found.lesions) == len(plan.lesions)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_volumes(name):
    check(name, VOLUME, ["lesions.0.parameters.diameter_mm=6"] if name in SMALLEST else [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ms", "tumor", "stroke", "lacune", "white-matter", "calcification"])
def test_every_contrast_that_has_a_template(name):
    recipe = load_recipe(name)
    for contrast in recipe.lesions[0].recipe().signal:
        changes = SMALL | {"modality": contrast, "templates": [f"mni152-{contrast.lower().removesuffix('w')}"]}
        settings = [] if name != "tumor" else ["lesions.0.parameters.volume_ml=20"]
        _, plan = positive(name, changes, settings)
        assert plan.lesions[0].lesion.value > (0 if contrast == "CT" else -1e-9)


def test_a_contrast_without_a_value_is_refused_before_anything_is_made(tmp_path):
    recipe = load_recipe("microbleed", changes=SMALL | {"modality": "FLAIR", "templates": ["mni152-flair"]})
    with pytest.raises(XaigtError, match="says nothing of FLAIR, only of SWI"):
        draw_plan(recipe, 0, 0)


def test_unverified_numbers_are_marked_and_sources_named():
    from xaigt import catalog

    for name in RECIPES:
        text = catalog.find("generators", name).read_text(encoding="utf-8")
        assert "[unverified]" in text and "sources:" in text
        recipe = load_recipe(name)
        assert recipe.sources and recipe.task == "presence"


def test_a_volume_of_many_lesions():
    """A patient's load: 40 lesions in one volume, each with its number."""
    recipe = load_recipe("ms", ["lesions.0.count=40"], SMALL_3D)
    plan = draw_plan(recipe, 1, 0)
    assert len(plan.lesions) == 40
    assert 3 < sum(item.lesion.volume_mm3 for item in plan.lesions) / 1000 < 80
