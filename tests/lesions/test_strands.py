"""Tubes: their distance and their volume, beside closed forms."""

import math

import numpy as np
import pytest
import torch

from xaigt.lesions.strands import Tube, distance, measured

BALL = Tube(start=(1, 2, 3), end=(1, 2, 3), radius_mm=4)
TUBE = Tube(start=(0, 0, 0), end=(0, 0, 20), radius_mm=3)


@pytest.mark.parametrize(
    ("tubes", "point", "expected"),
    [
        ([BALL], (1, 2, 3), -4),
        ([BALL], (1, 2, 10), 3),
        ([TUBE], (0, 5, 7), 2),  # beside it
        ([TUBE], (0, 0, 25), 2),  # beyond its end
        ([TUBE], (0, 3, 24), 2),  # 3, 4, 5
        ([BALL, TUBE], (0, 5, 7), math.sqrt(1 + 9 + 16) - 4),  # the nearer one
    ],
)
def test_the_distance_is_that_to_the_nearest_tube(tubes, point, expected):
    points = torch.tensor([[point, point]], dtype=torch.float32)
    found = distance(tubes, points)
    assert found.shape == (1, 2) and found.tolist() == [[pytest.approx(expected, abs=1e-5)] * 2]


@pytest.mark.parametrize(
    ("tubes", "volume", "reach"),
    [
        ([BALL], 4 / 3 * math.pi * 64, 4 * math.sqrt(3)),
        ([TUBE], math.pi * 9 * 20 + 4 / 3 * math.pi * 27, math.hypot(13, 3, 3)),
        ([TUBE, TUBE], math.pi * 9 * 20 + 4 / 3 * math.pi * 27, math.hypot(13, 3, 3)),  # a union
    ],
)
def test_volumes_and_boxes_are_those_of_the_closed_forms(tubes, volume, reach):
    found = measured(tubes)
    assert found["volume_mm3"] == pytest.approx(volume, rel=0.04)
    assert found["reach_mm"] == pytest.approx(reach + 1, abs=1e-3)
    assert found["radius_mm"] == pytest.approx((3 * found["volume_mm3"] / 4 / np.pi) ** (1 / 3), abs=1e-3)
    assert found["centre_mm"] == pytest.approx(np.mean([tubes[0].start, tubes[0].end], 0))
