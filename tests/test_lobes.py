"""Lobes by position: places that everyone agrees on, and the regions of others."""

import numpy as np
import pytest

from xaigt.anatomy.lobe_quality import NAMED, agreement, named_regions
from xaigt.lobes import NAMES, NUMBER, lobe

PLACES = [  # MNI, x y z
    ("frontal pole", "frontal", 20, 65, 0),
    ("middle frontal gyrus", "frontal", -40, 30, 35),
    ("orbital gyri", "frontal", 25, 35, -15),
    ("supramarginal gyrus", "parietal", 55, -35, 35),
    ("precuneus", "parietal", 5, -60, 45),
    ("superior parietal lobule", "parietal", -25, -60, 60),
    ("temporal pole", "temporal", 42, 12, -32),
    ("middle temporal gyrus", "temporal", -60, -30, -8),
    ("hippocampus", "temporal", 28, -22, -14),
    ("primary visual cortex", "occipital", 8, -95, 0),
    ("occipital pole", "occipital", -25, -95, 8),
    ("insula", "insula", 39, 2, 4),
    ("thalamus", "deep", 12, -18, 8),
    ("putamen", "deep", -25, 4, 2),
    ("cerebellar hemisphere", "cerebellum", 30, -65, -38),
    ("vermis", "cerebellum", 0, -70, -20),
    ("pons", "brain-stem", 0, -24, -32),
    ("medulla", "brain-stem", 0, -40, -55),
]


@pytest.mark.parametrize(("place", "name", "x", "y", "z"), PLACES, ids=[place[0] for place in PLACES])
def test_known_places(place, name, x, y, z):
    for side in (x, -x):
        assert NAMES[int(lobe(np.array(z), np.array(y), np.array(side))) - 1] == name


def test_shapes_broadcast_and_every_place_has_one_lobe():
    z, y, x = np.ogrid[-60:80:4, -100:75:4, -65:66:4]
    found = lobe(z, y, x)
    assert found.shape == (35, 44, 33) and found.dtype == np.uint8
    assert set(np.unique(found)) == set(NUMBER.values())
    assert np.array_equal(found, lobe(z, y, -x))


def test_most_named_regions_lie_in_their_lobe():
    """132 of 152 (87 %) when this was written."""
    found = agreement()
    assert set(found) == set(NAMED) and sum(count for _, count, _ in found.values()) == len(named_regions()) == 152
    right = sum(there for there, _, _ in found.values())
    assert right / 152 > 0.85
    assert all(there + sum(others.values()) == count for there, count, others in found.values())
    for name in ("frontal", "parietal", "occipital", "temporal", "cerebellum"):
        assert found[name][0] / found[name][1] > 0.75, name
