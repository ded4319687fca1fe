import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.distributions import Uniform
from xaigt.lesions.blobs import (
    Blob,
    Ellipsoid,
    _size,
    _size_on,
    draw_ellipsoids,
    resolve,
    size_function,
    smooth_minimum,
    sphere_radius,
)
from xaigt.lesions.noise import noise_of, noise_on, shape_noise, spread

CPU = torch.device("cpu")
BALL = Ellipsoid(offset=(0, 0, 0), axes=(1, 1, 1), rotation_deg=(0, 0, 0), size=1)


def blob(radius=10.0, ellipsoids=(BALL,), roughness=0.0, centre=(1.0, 2.0, 3.0)):
    return Blob(centre_mm=centre, radius_mm=radius, ellipsoids=ellipsoids, roughness=roughness, noise_seed=4)


def resolved(shape, allowed=lambda points: np.ones(len(points), bool)):
    found, volume, inside = resolve(shape, allowed)
    if volume:  # what is inside is inside by the size function of points, too
        assert (size_function(found, torch.from_numpy(inside).float()) <= found.level_mm + 1e-3).all()
    return found, volume


def test_the_size_function_of_a_ball_is_the_distance():
    points = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 8.0], [4.0, 6.0, 3.0]])
    assert size_function(blob(), points).tolist() == pytest.approx([0, 5, 5], abs=1e-5)


def test_axes_and_rotation_by_hand():
    """An ellipsoid twice as long along x, turned by 90 degrees about z, is long along y."""
    along = Ellipsoid(offset=(0, 0, 0), axes=(2, 1, 0.5), rotation_deg=(0, 0, 90), size=1)
    points = torch.tensor([[1.0, 2.0 + 6, 3.0], [1.0, 2.0, 3.0 + 6], [1.0 + 6, 2.0, 3.0]])
    assert size_function(blob(ellipsoids=(along,)), points).tolist() == pytest.approx([3, 6, 12], abs=1e-4)


def test_a_ball_gets_its_radius_reach_and_range():
    found, volume = resolved(blob(10.0))
    assert volume == pytest.approx(4 / 3 * math.pi * 1000, rel=0.03)  # a ball has many ties on the lattice
    assert found.level_mm == pytest.approx(10, abs=0.3)
    assert 10 <= found.reach_mm <= 12.5
    low, high = found.z_range_mm  # area a third of the largest at sqrt(2/3) of the radius
    assert low == pytest.approx(1 - 10 * math.sqrt(2 / 3), abs=1.5)
    assert high == pytest.approx(1 + 10 * math.sqrt(2 / 3), abs=1.5)


def test_a_blob_cut_in_half_keeps_its_volume_where_there_is_room():
    found, volume = resolved(blob(10.0), allowed=lambda points: points[..., 2] > 3.0)
    assert volume == pytest.approx(4 / 3 * math.pi * 1000, rel=0.03)
    assert found.level_mm == pytest.approx(10 * 2 ** (1 / 3), rel=0.05)


def test_no_room_at_all():
    found, volume = resolved(blob(10.0), allowed=lambda points: points[..., 0] > 1e6)
    assert volume == 0 and found.level_mm == 0


def test_too_little_room_gives_what_there_is():
    _, volume = resolved(blob(10.0), allowed=lambda points: np.linalg.norm(points - [1.0, 2.0, 3.0], axis=1) < 5)
    assert volume == pytest.approx(4 / 3 * math.pi * 125, rel=0.1)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 3), radius=st.floats(4, 30), rough=st.floats(0, 0.3))
def test_any_blob_has_the_volume_of_its_sphere(seed, count, radius, rough):
    rng = np.random.default_rng(seed)
    ellipsoids = draw_ellipsoids(rng, count, Uniform(uniform=(0.6, 1.6)))
    for part in ellipsoids:
        assert math.prod(part.axes) == pytest.approx(1, abs=1e-3)
    found, volume = resolved(blob(round(radius, 4), ellipsoids, roughness=round(rough, 4)))
    assert volume == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.01)
    # An independent count on a finer lattice agrees.
    edge = torch.linspace(-found.reach_mm, found.reach_mm, 61)
    points = torch.stack(torch.meshgrid(*(edge + c for c in found.centre_mm), indexing="ij"), -1)
    inside = size_function(found, points) <= found.level_mm
    assert float(inside.sum()) * float(edge[1] - edge[0]) ** 3 == pytest.approx(volume, rel=0.03)


def test_smooth_minimum():
    a, b = torch.tensor([0.0, 1.0, 0.5]), torch.tensor([1.0, 0.0, 0.5])
    assert smooth_minimum(a, b, 0.25).tolist() == pytest.approx([0, 0, 0.5 - 0.25 / 4])


def test_shape_noise_is_smooth_and_of_about_unit_variance():
    values = torch.cat([shape_noise(seed, CPU).data.ravel() for seed in range(20)])
    assert abs(float(values.std()) - 1) < 0.15
    assert abs(float(values.mean())) < 0.15


def test_sphere_radius():
    assert sphere_radius(4 / 3 * math.pi * 8) == 2.0


def expected_at(axes, centre):
    return noise_on(7, axes, centre, 8.0).numpy().ravel()[[1, 17, 59]]


def test_noise_on_a_lattice_is_that_at_its_points():
    axes, centre = [np.linspace(-9, 12, 5), np.linspace(-20, 20, 6), np.array([1.0, 7.5])], (1.0, 2.0, 3.0)
    points = torch.from_numpy(np.stack(np.meshgrid(*axes, indexing="ij"), -1)).float()
    expected = shape_noise(7, CPU)((points - torch.tensor(centre)) / 8.0)[0]
    assert torch.allclose(noise_on(7, axes, centre, 8.0), expected, atol=1e-4)
    assert np.array_equal(noise_of(7, axes, np.array([1, 17, 59]), centre, 8.0), expected_at(axes, centre))
    z, y, x = spread(axes, centre, 8.0)
    assert torch.allclose((z + 0 * y + 0 * x), (points[..., 0] - 1.0) / 8.0)


@pytest.mark.parametrize("count", [1, 3])
def test_the_size_on_a_lattice_is_that_at_its_points(count):
    rng = np.random.default_rng(count)
    ellipsoids = draw_ellipsoids(rng, count, Uniform(uniform=(0.6, 1.6)))
    blob = Blob(centre_mm=(1.0, -2.0, 3.0), radius_mm=7.0, ellipsoids=ellipsoids, roughness=0.2, noise_seed=5)
    axes = [np.linspace(c - 17, c + 17, 9) for c in blob.centre_mm]  # a part lies beyond where there is a blob
    noise = noise_on(5, axes, blob.centre_mm, blob.radius_mm)
    points = torch.from_numpy(np.stack(np.meshgrid(*axes, indexing="ij"), -1)).float()
    found = _size_on(blob, axes, noise.numpy())
    assert found == pytest.approx(size_function(blob, points).numpy(), rel=1e-4, abs=1e-3)
    at_once = _size(blob, spread(axes, blob.centre_mm, blob.radius_mm), noise).numpy()
    assert found == pytest.approx(at_once, rel=1e-6)
