import numpy as np
import pytest
from scipy import ndimage

from xaigt.anatomy.geometry import (
    Lattice,
    band_noise,
    closed_distance,
    convex_distance,
    distance,
    ellipsoid,
    ramp,
    refine,
    signed_distance,
    soft,
    surface_points,
)

LATTICE = Lattice((41, 41, 41), (-20.0, -20.0, -20.0))


def ball(radius):
    z, y, x = LATTICE.axes()
    return z**2 + y**2 + x**2 <= radius**2


def distance_to_ball(radius):
    z, y, x = LATTICE.axes()
    return radius - np.sqrt(z**2 + y**2 + x**2)


def test_lattice_positions():
    z, y, x = Lattice((2, 3, 4), (1.0, 2.0, 3.0), 0.5).axes()
    assert z.ravel().tolist() == [1.0, 1.5] and z.shape == (2, 1, 1)
    assert y.ravel().tolist() == [2.0, 2.5, 3.0]
    assert x.ravel().tolist() == [3.0, 3.5, 4.0, 4.5]
    assert Lattice((9, 10, 11), (0, 0, 0)).coarse(4).shape == (4, 4, 4)


@pytest.mark.parametrize(("value", "expected"), [(-1, 0), (0, 0.5), (0.3, 0.75), (1, 1)])
def test_soft_edge(value, expected):
    assert soft(np.float32([value]), 0.6)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "at", "expected"), [(0, 2, 1, 0.5), (0, 2, 0.5, 0.15625), (2, 0, 2, 0), (2, 0, -1, 1)]
)
def test_ramp(low, high, at, expected):
    assert ramp(low, high, np.float32([at]))[0] == pytest.approx(expected)


def test_convex_distance_of_a_ball():
    found = convex_distance(surface_points(ball(12), LATTICE, step=1), LATTICE, step=2)
    near = np.abs(distance_to_ball(12)) < 6
    assert np.abs(found - distance_to_ball(12))[near].max() < 1.0


def test_closing_fills_a_narrow_gap_and_keeps_a_wide_one():
    _, _, x = LATTICE.axes()
    halves = ball(14) & (np.abs(x) > 1)
    inside = closed_distance(halves, 6.0, LATTICE, step=1) > 0
    assert inside[20, 20, 20]
    wide = ball(14) & (np.abs(x) > 9)
    assert not (closed_distance(wide, 4.0, LATTICE, step=1) > 0)[20, 20, 20]


def test_signed_distance_changes_sign_between_voxels():
    mask = np.zeros((1, 1, 6), bool)
    mask[..., :3] = True
    assert signed_distance(mask)[0, 0].tolist() == [2.5, 1.5, 0.5, -0.5, -1.5, -2.5]


def test_ellipsoid_is_positive_inside_and_zero_on_the_surface():
    values = ellipsoid(LATTICE.axes(), (0, 0, 0), (4, 8, 8))
    assert values[20, 20, 20] == 4
    assert values[24, 20, 20] == pytest.approx(0, abs=1e-6)
    assert values[20, 28, 20] == pytest.approx(0, abs=1e-6)
    assert values[26, 20, 20] < 0


def test_refine_is_linear_interpolation():
    line = np.float32([0, 3, 9]).reshape(3, 1, 1)
    assert refine(line, (7, 1, 1), 3).ravel() == pytest.approx([0, 1, 2, 3, 5, 7, 9])


def test_band_noise_is_fixed():
    first = band_noise(LATTICE, 4.0, seed=1)
    assert np.array_equal(first, band_noise(LATTICE, 4.0, seed=1))
    assert not np.array_equal(first, band_noise(LATTICE, 4.0, seed=2))
    assert 0.5 < first.std() < 1.5


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98, 0.999])
def test_distances_are_those_of_scipy(share):
    mask = np.random.default_rng(5).random((13, 17, 11)) < share
    expected = ndimage.distance_transform_edt(mask, sampling=1.5)
    assert np.allclose(distance(mask, 1.5), expected, rtol=1e-6)


def test_nothing_is_far_from_everything():
    assert distance(np.ones((3, 4, 5), bool)).min() > 10_000
    assert distance(np.zeros((3, 4, 5), bool)).max() == 0
