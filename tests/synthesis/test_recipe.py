import re

import pytest

from xaigt.schema import SchemaError
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.recipe import GridRecipe

CENTRE = (0.0, -18.0, 18.0)


@pytest.mark.parametrize(
    ("written", "shape", "spacing", "thickness"),
    [
        ({}, (1, 224, 224), (5, 1, 1), 5),
        ({"size": 112}, (1, 112, 112), (5, 2, 2), 5),
        ({"size": [96, 128], "thickness": 1}, (1, 96, 128), (1, 1.75, 1.75), 1),
        ({"spacing": [1, 0.5]}, (1, 224, 224), (5, 1, 0.5), 5),
        ({"dim": 3}, (128, 128, 128), (1.75, 1.75, 1.75), 1.75),
        ({"dim": 3, "size": [30, 64, 64], "spacing": [5, 3, 3]}, (30, 64, 64), (5, 3, 3), 5),
        ({"dim": 3, "size": 64, "spacing": 3, "thickness": 1}, (64, 64, 64), (3, 3, 3), 1),
    ],
)
def test_grids_are_filled_in_as_documented(written, shape, spacing, thickness):
    grid = GridRecipe.model_validate(written).resolve(CENTRE)
    assert (grid.shape, grid.spacing, grid.thickness) == (shape, spacing, thickness)
    assert grid.centre == CENTRE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid.size": [224, 224, 224]}, "size has 3 axes, but dim is 2"),
        ({"grid.dim": 3, "grid.spacing": [1, 1]}, "slices x rows x columns"),
        ({"grid.size": 4}, "grid.size"),
        ({"grid.spacing": 0}, "grid.spacing"),
        ({"task": "subtypes"}, "field task"),
        ({"task": "shape"}, "one with label: 0"),
        ({"task": "rule"}, "rule goes with the task rule"),
        ({"task": "count"}, "needs different numbers, such as choose: {integers: [1, 3]} (given: 1)"),
        ({"classes": ["a", "b", "c"]}, "classes has 3 names, the task needs 2"),
        ({"templates": ["mni152"]}, "did you mean 'mni152-"),
    ],
)
def test_contradictions_are_refused(changes, message):
    with pytest.raises(SchemaError) as caught:
        load_recipe("hemorrhage", changes=changes)
    assert message in str(caught.value)


def test_changes_reach_into_lists():
    changes = {"lesions.0.count": 3, "lesions.1.count": 3, "grid.size": None}
    assert [group.count for group in load_recipe("lesion-shape", changes=changes).lesions] == [3, 3]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("lesions.7.count", "recipe lesion-shape, change 'lesions.7.count': unknown key '7' in lesions"),
        ("grid.sise", "unknown key 'sise' in grid: did you mean 'size'?"),
        ("grids.size", "unknown key 'grids'"),
        ("name.first", "unknown key 'first' in name"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused_with_its_key(key, message):
    with pytest.raises(SchemaError, match=re.escape(message)):
        load_recipe("lesion-shape", changes={key: 3})
