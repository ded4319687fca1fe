"""Blending, resizing and the truth, by hand and against scikit-image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize

from xaigt.synthesis.legacy import bank
from xaigt.synthesis.legacy.blend import Placed, blend, lay, rescale, shrink, truth


def test_blend_by_hand():
    background = np.array([[0.0, 0.7, 0.5], [0.2, 0.0, 0.7]])
    layer = np.array([[0.5, 0.5, 0.1], [0.0, 0.0, 0.25]])
    # outside the brain nothing changes; 1 - 0.3 * 0.5, 1 - 0.5 * 0.9, 1 - 0.8, 1 - 0.3 * 0.75
    assert np.allclose(blend(background, layer), [[0.0, 0.85, 0.55], [0.2, 0.0, 0.775]])


def test_rescale_by_hand():
    assert np.allclose(rescale(np.array([[0.0, 1.0], [2.0, 4.0]]), 0.1, 0.5), [[0.1, 0.2], [0.3, 0.5]])


def test_boxes_are_seen_as_published_and_not_with_the_erratum():
    lesion = Placed(np.array([[0.0, 0.5], [1.0, 0.0]]), 100, 50)
    assert np.allclose(lay([lesion], 0.1)[100:102, 50:52], [[0.1, 0.3], [0.5, 0.1]])
    assert np.allclose(lay([lesion], 0.0)[100:102, 50:52], [[0.0, 0.25], [0.5, 0.0]])
    assert np.count_nonzero(lay([lesion], 0.1)) == 4


@given(st.integers(-60, 300), st.integers(-60, 300))
def test_a_lesion_that_leaves_the_frame_is_cut(row, column):
    pixels = np.arange(1, 13, dtype=float).reshape(3, 4)
    layer = lay([Placed(pixels, row, column)], 0.0)
    inside = [
        (row + i, column + j)
        for i in range(3)
        for j in range(4)
        if 0 <= row + i < 270 and 0 <= column + j < 270 and (i, j) != (0, 0)  # the lowest value becomes 0
    ]
    assert sorted(zip(*np.nonzero(layer), strict=True)) == sorted(inside)


def test_shrinking_is_what_the_published_call_does():
    image = np.random.default_rng(0).random((270, 270))
    three = resize(np.repeat(image[..., None], 3, axis=2), (224, 224))
    assert all(np.allclose(shrink(image), three[..., channel], atol=1e-12) for channel in range(3))


@pytest.mark.parametrize("kind", [bank.ROUND, bank.IRREGULAR])
def test_truth_is_where_the_resized_unscaled_lesions_are_above_zero(kind):
    rng = np.random.default_rng(kind)
    lesions = [
        Placed(bank.templates()[kind][k], 60 + 60 * (k % 2) + int(rng.integers(5)), 40 + 60 * (k // 2)) for k in range(5)
    ]
    together = np.zeros((270, 270))
    for lesion in lesions:
        together[lesion.window] += lesion.pixels
    numbers = truth(lesions)
    assert np.array_equal(numbers > 0, resize(together, (224, 224)) > 0)
    for number, lesion in enumerate(lesions, start=1):
        frame = np.zeros((270, 270))
        frame[lesion.window] = lesion.pixels
        assert np.array_equal(numbers == number, resize(frame, (224, 224)) > 0)  # they are far apart


def test_the_brighter_lesion_owns_a_pixel_of_both():
    bright, dim = np.full((4, 4), 1.0), np.full((4, 4), 0.5)
    numbers = truth([Placed(dim, 100, 100), Placed(bright, 100, 100)])
    assert set(np.unique(numbers)) == {0, 2}
