import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from xaigt.sampling import Probe, Sampler, on_lattice
from xaigt.splines import control_shape, expand

CPU = torch.device("cpu")
DATA = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype(np.float32)
SAMPLER = Sampler(DATA, (-3.0, 1.0, 10.0), 2.0, CPU)

coordinate = st.floats(-10, 30, width=32)


@settings(derandomize=True, max_examples=60)
@given(st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=1, max_size=8))
def test_reads_what_scipy_reads_and_the_border_beyond(points):
    position = np.array(points, np.float32)
    index = ((position - np.array([-3, 1, 10])) / 2).T
    expected = [map_coordinates(channel.astype(float), index, order=1, mode="nearest") for channel in DATA]
    found = SAMPLER(torch.from_numpy(position))
    assert np.allclose(found.numpy(), expected, atol=2e-5)


def test_channels_and_shapes():
    points = torch.zeros(2, 3, 4, 3)
    assert SAMPLER(points).shape == (2, 2, 3, 4)
    assert SAMPLER(points[:0]).shape == (2, 0, 3, 4)
    assert torch.equal(SAMPLER.along(points.movedim(-1, 0)), SAMPLER(points))


def test_other_devices_read_the_same():
    points = torch.from_numpy(np.random.default_rng(2).uniform(-10, 30, (500, 3)).astype(np.float32))
    assert torch.allclose(SAMPLER._read(points.T).T, SAMPLER(points), atol=2e-5)


def test_a_channel_read_alone_has_the_bits_of_one_read_with_others():
    points = torch.from_numpy(np.random.default_rng(4).uniform(-10, 30, (40, 5, 3)).astype(np.float32))
    for number, expected in enumerate(SAMPLER(points)):
        assert torch.equal(SAMPLER.channel(points, number), expected)
    assert SAMPLER.channel(points[0, 0], 1).shape == () and SAMPLER.channel(points[:0], 1).shape == (0, 5)


def test_a_point_reads_the_same_alone_and_among_others():
    points = torch.from_numpy(np.random.default_rng(3).uniform(-10, 30, (100, 3)).astype(np.float32))
    alone = torch.cat([SAMPLER(point[None]) for point in points], 1)
    assert torch.equal(alone, SAMPLER(points))


def test_what_is_no_number_is_read_somewhere_on_the_lattice():
    points = torch.tensor([[float("nan"), 1.0, 10.0], [float("inf"), -float("inf"), 10.0]])
    assert bool(SAMPLER(points)[:, 1].isfinite().all())


def test_splines_are_those_of_scipy():
    shape, step = (7, 5, 6), 0.4
    control = np.random.default_rng(1).normal(size=(1, *control_shape(shape, step))).astype(np.float32)
    found = expand(control, shape, step)[0]
    expected = control[0].astype(float)
    for axis, count in enumerate(shape):
        knots = np.arange(-3, expected.shape[axis] + 1, dtype=float)
        spline = BSpline(knots, np.moveaxis(expected, axis, 0), 3)
        expected = np.moveaxis(spline(np.arange(count) * step), 0, axis)
    assert np.allclose(found, expected, atol=1e-5)


def test_a_probe_reads_what_a_sampler_reads():
    rng = np.random.default_rng(3)
    data = rng.normal(size=(2, 6, 7, 8)).astype(np.float32)
    points = rng.uniform(-8, 20, size=(5, 4, 3))  # inside and beyond
    sampled = Sampler(data, (-3.0, -2.0, 1.0), 1.5, torch.device("cpu"))(torch.from_numpy(points.astype(np.float32)))
    probe = Probe(data, (-3.0, -2.0, 1.0), 1.5)
    for channel in range(2):
        assert probe(points, channel) == pytest.approx(sampled[channel].numpy(), abs=1e-4)
    assert probe(points[0, 0], 1) == pytest.approx(float(sampled[1, 0, 0]), abs=1e-4)  # one point
    assert probe(points[:0], 0).shape == (0, 4)


def test_a_rectangular_lattice_is_read_as_its_points_are():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(6, 6, 6)).astype(np.float32)
    axes = [rng.uniform(-3, 12, size=count) for count in (3, 5, 4)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    found = on_lattice(values, axes, -2.0, 2.0)
    assert found.dtype == np.float32
    assert found == pytest.approx(Probe(values[None], (-2.0, -2.0, -2.0), 2.0)(points, 0), abs=1e-4)
    flat = np.stack([values[:, :, 0], values[:, :, 1]], -1)  # more axes than are asked for stay as they are
    kept = on_lattice(flat, axes[:2], -2.0, 2.0)
    assert kept[..., 1] == pytest.approx(on_lattice(values[:, :, 1], axes[:2], -2.0, 2.0))
