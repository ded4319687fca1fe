"""What is compiled: its loops give what SciPy gives, and it needs no folder to write to."""

import numba
import numpy as np
import pytest
from scipy import ndimage

from xaigt import compiled as compiling
from xaigt.compiled import compiled
from xaigt.compiled.filters import sum_rows, wrapped_filter
from xaigt.compiled.points import displace, nearest_voxels, undisplace
from xaigt.compiled.tubes import points_inside


@pytest.mark.parametrize(("taps_y", "taps_x"), [(3, 5), (7, 3)])
def test_filters_wrap_round_as_those_of_scipy(taps_y, taps_x):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 9, 11)).astype(np.float32)
    along_y, along_x = (rng.uniform(size=count).astype(np.float32) for count in (taps_y, taps_x))
    found = np.empty_like(values)
    wrapped_filter(values, along_y, along_x, found)
    expected = ndimage.correlate1d(values.astype(float), along_y, axis=1, mode="wrap")
    expected = ndimage.correlate1d(expected, along_x, axis=2, mode="wrap")
    assert np.allclose(found, expected, atol=1e-5)


def test_rows_are_summed_four_at_a_time():
    values = np.arange(12, dtype=np.float32).reshape(1, 6, 2)
    found = np.empty((1, 2, 2), np.float32)
    weights = np.array([[1, 0, 0, 0], [0.5, 0.25, 0, 2]], np.float32)
    sum_rows(values, np.array([1, 2]), weights, found)
    assert found.tolist() == [[[2.0, 3.0], [0.5 * 4 + 0.25 * 6 + 2 * 10, 0.5 * 5 + 0.25 * 7 + 2 * 11]]]


def test_without_a_folder_to_write_to_it_is_compiled_all_the_same_and_that_is_said_once(monkeypatch, caplog):
    compiling._tell.cache_clear()
    plain = numba.njit

    def no_folder(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*arguments, **options)

    monkeypatch.setattr(numba, "njit", no_folder)

    @compiled("f8[::1]")
    def double(values):
        for index in range(len(values)):
            values[index] *= 2

    compiled("f8[::1]")(double.py_func)
    found = np.array([1.0, 2.0])
    double(found)
    assert found.tolist() == [2.0, 4.0]
    assert [record.message.split(" for")[0] for record in caplog.records] == ["compiling loops"]


def test_the_nearest_voxel_is_read_and_the_border_beyond():
    rng = np.random.default_rng(1)
    mask = rng.uniform(size=(4, 5, 6)) < 0.5
    points = rng.uniform(-4, 16, size=(3, 200)).astype(np.float32)
    found = np.empty(200, bool)
    nearest_voxels(mask, (1.0, -2.0, 0.5), 2.0, points, found)
    index = [
        np.clip(np.rint((points[axis].astype(float) - start) / 2), 0, count - 1).astype(int)
        for axis, (start, count) in enumerate(zip((1.0, -2.0, 0.5), mask.shape, strict=True))
    ]
    assert np.array_equal(found, mask[tuple(index)])


def test_what_is_displaced_is_found_again():
    rng = np.random.default_rng(2)
    matrix = np.eye(3) + rng.normal(0, 0.05, (3, 3))
    shift, field = rng.normal(size=3), rng.normal(0, 0.3, (3, 6, 6, 6)).astype(np.float32)
    points, origin = rng.uniform(0, 20, (50, 3)), (-2.0, -1.0, 0.0)
    moved = np.empty_like(points)
    displace(np.column_stack([matrix, shift]), field, origin, 4.0, points, moved)
    linear = points @ matrix.T + shift
    index = ((linear - np.array(origin)) / 4).T
    expected = [ndimage.map_coordinates(part.astype(float), index, order=1, mode="nearest") for part in field]
    assert moved == pytest.approx(linear + np.stack(expected, -1), abs=1e-6)
    back, inverse = np.empty(3), np.column_stack([np.linalg.inv(matrix), shift])
    for point, place in zip(points, moved, strict=True):
        undisplace(inverse, field, origin, 4.0, tuple(place.tolist()), 60, 1e-9, back)
        assert back == pytest.approx(point, abs=1e-6)


def test_points_in_tubes_are_counted_once():
    start = np.array([[0.0, 0.0, 0.0], [3.0, 3.0, 3.0]])
    end = np.array([[6.0, 0.0, 0.0], [3.0, 3.0, 3.0]])  # a tube, and a ball
    radius, found = np.array([2.0, 2.5]), np.empty(1, np.int64)
    first, step, counts = np.array([-3.0, -3.0, -3.0]), np.array([0.5, 0.4, 0.3]), np.array([26, 25, 31])
    points_inside(start, end, radius, first, step, counts, found)
    z, y, x = np.meshgrid(*(f + s * np.arange(c) for f, s, c in zip(first, step, counts, strict=True)), indexing="ij")
    tube = (z - np.clip(z, 0, 6)) ** 2 + y**2 + x**2 <= 4
    ball = (z - 3) ** 2 + (y - 3) ** 2 + (x - 3) ** 2 <= 2.5**2
    assert found[0] == np.count_nonzero(tube | ball)
