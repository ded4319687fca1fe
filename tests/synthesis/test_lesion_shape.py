"""The recipes lesion-shape and lesion-shape-ct: what the two classes share, and what tells them apart."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch

from xaigt.errors import XaigtError
from xaigt.randomness import stream
from xaigt.shape import compactness
from xaigt.synthesis import drawing, placing
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render

CPU = torch.device("cpu")
FLAT = {"grid.size": 80, "grid.spacing": 2.5}
SOLID = {"grid.dim": 3, "grid.size": [32, 64, 64], "grid.spacing": [4.0, 3.0, 3.0]}
LARGER = [f"lesions.{group}.parameters.diameter_mm=20" for group in (0, 1)]  # fit for coarse voxels
CASES = [
    ("lesion-shape", FLAT, 6),
    ("lesion-shape-ct", FLAT, 4),
    ("lesion-shape", SOLID, 2),
    ("lesion-shape-ct", SOLID, 2),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{len(case[1])}")
def made(request):
    name, changes, count = request.param
    recipe = load_recipe(name, LARGER, changes)
    grid = sampling_grid(recipe)
    plans = [draw_plan(recipe, 0, sample) for sample in range(count)]
    return recipe, grid, plans, [render(plan, grid, recipe, CPU) for plan in plans]


def instances(array):
    return [array == number for number in range(1, int(array.max()) + 1)]


def box(mask):
    where = np.argwhere(mask)
    return (*where.min(0), *where.max(0))


def test_the_swapped_twin_has_the_same_number_voxels_boxes_and_values(made):
    recipe, _, plans, results = made
    for plan, result in zip(plans, results, strict=True):
        arrays = {name: array.astype(int) for name, array in result.arrays.items()}
        own, other = instances(arrays["lesion"]), instances(arrays["swapped_lesion"])
        assert len(own) == len(other) == len(result.lesions) and 3 <= len(own) <= 5
        for mine, theirs in zip(own, other, strict=True):
            assert mine.sum() == theirs.sum() and box(mine) == box(theirs)
            assert not np.array_equal(mine, theirs)
            added = [
                np.sort((arrays[name] - arrays["twin"])[mask]) for name, mask in (("image", mine), ("swapped", theirs))
            ]
            # Noise rounds each voxel by itself; in the magnitude of MR the second channel adds a little, by the level.
            assert np.abs(added[0] - added[1]).max() <= (1 if recipe.modality == "CT" else 3)
        for name, mask in (("image", "lesion"), ("swapped", "swapped_lesion")):
            assert (arrays[name] == arrays["twin"])[arrays[mask] == 0].all()
        assert {item.lesion.form for item in plan.lesions if item.planted} == {("round", "irregular")[plan.label]}


def test_compactness_tells_the_classes_apart_in_the_image_and_in_its_twin(made):
    _, grid, plans, results = made
    for plan, result in zip(plans, results, strict=True):
        spacing = grid.spacing[1:] if plan.slice_mm is not None else grid.spacing
        low, high = (0.3, 0.45) if len(spacing) == 2 else (0.6, 0.72)
        least = 0.8 if len(spacing) == 2 else 0.9
        for name, irregular in (("lesion", plan.label == 1), ("swapped_lesion", plan.label == 0)):
            found = [compactness(mask, spacing) for mask in instances(result.arrays[name])]
            assert all(low <= value <= high if irregular else value >= least for value in found)


def test_lesions_lie_in_the_parenchyma_and_keep_their_distance(made):
    _, _, _, results = made
    for result in results:
        truth, compartment = result.arrays["lesion"], result.arrays["compartment"]
        for number, mask in enumerate(instances(truth), start=1):
            z_to_x = tuple(
                slice(int(a), int(b) + 1) for a, b in zip(box(mask)[: mask.ndim], box(mask)[mask.ndim :], strict=True)
            )
            assert (compartment[z_to_x] & 1).all()  # the whole box
            assert set(np.unique(truth[z_to_x])) <= {0, number}


def test_the_class_says_nothing_of_size_place_and_contrast():
    """All that a sample draws beside the form, its two classes have in common."""
    recipe = load_recipe("lesion-shape", LARGER, FLAT)
    rows = []
    for sample in range(12):
        plan = draw_plan(recipe, 3, sample)
        for item in plan.lesions:
            lesion = item.lesion
            rows.append(
                (sample, lesion.centre_mm, lesion.voxels, lesion.box, lesion.contrast, lesion.form, lesion.target)
            )
    table = pd.DataFrame(rows, columns=["sample", "centre", "voxels", "box", "contrast", "form", "target"])
    shared = table.groupby(["sample", "centre", "voxels", "box", "contrast"])["form"].agg(sorted)
    assert len(shared) == len(table) / 2
    assert all(forms == ["irregular", "round"] for forms in shared)


def test_no_shape_is_in_two_samples_so_none_is_in_two_splits():
    """Every form is drawn from a stream of its own seed, sample and lesion; there is no bank of shapes."""
    recipe = load_recipe("lesion-shape", LARGER, FLAT)
    forms = [
        item.lesion.shape.model_dump_json()
        for seed in (0, 1)
        for sample in range(6)
        for item in draw_plan(recipe, seed, sample).lesions
    ]
    assert len(set(forms)) == len(forms)


def test_both_groups_of_both_recipes_ask_for_the_same_but_the_form():
    for name in ("lesion-shape", "lesion-shape-ct"):
        data = load_recipe(name).written_out()["lesions"]
        for group in data:
            for key in ("form", "compactness", "sphericity"):
                del group["parameters"][key]
            del group["name"], group["label"]
        assert data[0] == data[1]


def test_what_leaves_no_room_is_drawn_again_and_stays_as_many():
    """Lesions that jam are all drawn again in another slice; their number is that of the first draw."""
    recipe = load_recipe("lesion-shape", LARGER, FLAT)
    counts = [3 + int(stream(3, sample, "count-shared").integers(3)) for sample in range(10)]
    plans = [draw_plan(recipe, 3, sample) for sample in range(10)]
    assert [len(plan.lesions) // 2 for plan in plans] == counts
    for plan in plans:
        places = [item.lesion for item in plan.lesions if item.planted]
        for first, second in itertools.combinations(places, 2):
            assert math.dist(first.centre_mm, second.centre_mm) >= 2 + sum(reach(item) for item in (first, second))


def reach(lesion):
    return math.hypot(*(count * step / 2 for count, step in zip(lesion.box, lesion.spacing_mm, strict=True)))


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        ([], {"grid.size": 64}, "too few for a shape"),
        (["lesions.1.parameters.compactness=[0.1, 0.15]"], FLAT, "widen the range"),
        (["lesions.0.gap_mm=300"], FLAT, "no place was found"),
    ],
)
def test_what_no_draw_can_make_is_refused_with_what_to_change(settings, changes, message, monkeypatch):
    monkeypatch.setattr(drawing, "TRIES", 2)
    monkeypatch.setattr(placing, "TRIES", 2)
    monkeypatch.setattr(placing, "TRIES_IN_SLICE", 2)
    with pytest.raises(XaigtError, match=message):
        draw_plan(load_recipe("lesion-shape", settings, changes), 0, 0)


def test_without_a_slice_the_recipe_says_what_it_needs():
    with pytest.raises(XaigtError, match="slice_mm"):
        draw_plan(load_recipe("lesion-shape", ["slice_mm=null"]), 0, 0)
