"""What is compiled: its loops give what SciPy gives, and it needs no folder to write to."""

import numba
import numpy as np
import pytest
from scipy import ndimage

from xaigt import compiled as compiling
from xaigt.compiled import compiled
from xaigt.compiled.columns import directions, step_to_surface, under_surface
from xaigt.compiled.filling import next_smallest, reaching
from xaigt.compiled.filters import expand_control, sum_rows, sum_rows_onto, wrapped_filter
from xaigt.compiled.lattices import enlarge, fullest_slices, points_at, values_on
from xaigt.compiled.points import displace, nearest_voxels, undisplace
from xaigt.compiled.tubes import measure_tubes
from xaigt.sampling import on_lattice


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
    tubes = np.array([[0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 2.0], [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.5]])  # a tube, and a ball
    found = np.empty(7)
    measure_tubes(tubes, 20_000.0, 0.1, found)
    assert found[:6].tolist() == [-2.0, -2.0, -2.0, 8.0, 5.5, 5.5]
    extents = found[3:6] - found[:3]
    counts = np.ceil(extents / (extents.prod() / 20_000) ** (1 / 3)).astype(int)
    axes = [first + (np.arange(n) + 0.5) * extent / n for first, extent, n in zip(found, extents, counts, strict=False)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    tube = (z - np.clip(z, 0, 6)) ** 2 + y**2 + x**2 <= 4
    ball = (z - 3) ** 2 + (y - 3) ** 2 + (x - 3) ** 2 <= 2.5**2
    assert found[6] == pytest.approx(np.count_nonzero(tube | ball) * extents.prod() / counts.prod())


AXES = [np.array([-3.0, -1.0, 0.4, 2.0]), np.array([0.0, 1.5, 9.0]), np.linspace(-5, 5, 7)]


def test_values_on_a_lattice_are_interpolated_along_each_axis():
    rng = np.random.default_rng(0)
    values, centre, scale = rng.normal(size=(6, 6, 6)).astype(np.float32), (0.5, 1.0, -1.0), 2.0
    expected = on_lattice(values, [(axis - c) / scale for axis, c in zip(AXES, centre, strict=True)], -2.0, 0.8).ravel()
    found, some = np.empty(84, np.float32), np.array([3, 4, 30, 83])
    values_on(values, -2.0, 0.8, *AXES, centre, scale, np.empty(0, np.int64), found)
    assert np.array_equal(found, expected)
    values_on(values, -2.0, 0.8, *AXES, centre, scale, some, found[:4])
    assert np.array_equal(found[:4], expected[some])


def test_points_of_a_lattice_are_numbered_with_x_fastest():
    index, found = np.array([0, 6, 7, 83]), np.empty((4, 3))
    points_at(*AXES, index, found)
    assert np.array_equal(found, np.stack([axis.ravel()[index] for axis in np.meshgrid(*AXES, indexing="ij")], -1))


def test_blocks_are_enlarged_to_the_points_in_them():
    blocks = np.random.default_rng(0).uniform(size=(2, 3, 2)) < 0.5
    found = np.empty((5, 9, 4), bool)
    enlarge(blocks, 3, found)
    assert np.array_equal(found, blocks.repeat(3, 0).repeat(3, 1).repeat(3, 2)[:5, :9, :4])


@pytest.mark.parametrize("each", [np.ones(1), np.random.default_rng(1).uniform(0.5, 2, 300)])
def test_the_value_up_to_which_the_smallest_hold_a_sum(each):
    values = np.random.default_rng(0).normal(size=300).round(2)  # some are equal
    index, found = np.flatnonzero(np.arange(300) % 3), np.empty(2)
    order = index[np.argsort(values[index], kind="stable")]
    sums = np.cumsum(np.broadcast_to(each, 300)[order])
    for wanted in (0.1, 17.3, 60.0, float(sums[-2]) - 0.01):
        reaching(values, index, each, wanted, found)
        assert found[0] == values[order[np.searchsorted(sums, wanted)]] and found[1] == pytest.approx(sums[-1])
    reaching(values, index, each, 1e6, found)  # more than all hold
    assert found[0] == values[index].max()


def test_the_next_smallest_are_all_up_to_a_value():
    values = np.random.default_rng(0).gamma(2.0, size=500)
    index, beyond, count = np.empty(500, np.int64), np.empty(1), np.empty(1, np.int64)
    next_smallest(values, -np.inf, 40, index, beyond, count)
    first = index[: count[0]].tolist()
    assert 40 <= len(first) < 60 and first == np.flatnonzero(values <= beyond[0]).tolist()
    bound = float(beyond[0])
    next_smallest(values, bound, 90, index, beyond, count)
    assert index[: count[0]].tolist() == np.flatnonzero((values > bound) & (values <= beyond[0])).tolist()
    next_smallest(values, bound, 500, index, beyond, count)
    assert beyond[0] == np.inf and count[0] == (values > bound).sum()
    next_smallest(np.full(7, 2.0), -np.inf, 3, index, beyond, count)  # no two differ
    assert beyond[0] == 2.0 and count[0] == 7


def test_slices_about_the_fullest_are_found():
    heights, volumes = np.array([0.5, 1.5, 2.5, 2.6, 4.5]), np.array([1.0, 0.9, 1.0, 2.0, 3.0])
    area, found = np.empty(5), np.empty(2, np.int64)
    fullest_slices(heights, volumes, 0.0, 0.0, 1.0, area, found)
    assert area.tolist() == [1.0, 0.9, 3.0, 0.0, 3.0] and found.tolist() == [2, 2]  # 0.9 is less than a third of 3
    fullest_slices(heights, volumes, 2.0, 0.0, 1.0, area, found)  # quarters of each: 0.75 and 0.25 above and below it
    assert area == pytest.approx([0.975, 1.45, 1.725, 1.5, 2.25]) and found.tolist() == [0, 4]


def frame(count):
    """Directions about x, on a sphere of 60 mm, the last 30 mm from it along y and along z."""
    found = np.empty((count, count, 3))
    directions((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), 60.0, 30.0, found)
    return found


def test_directions_are_evenly_apart_on_their_sphere():
    found = frame(5)
    assert np.linalg.norm(found, axis=-1) == pytest.approx(1) and found[2, 2].tolist() == [0.0, 0.0, 1.0]
    angles = np.degrees(np.arctan2(found[:, 2, 1], found[:, 2, 2]))
    assert angles == pytest.approx(np.degrees(np.array([-30, -15, 0, 15, 30]) / 60))
    assert np.arccos(found[0, 0, 2]) == pytest.approx(30 * np.sqrt(2) / 60)


def test_columns_under_a_sphere_fill_its_shell():
    count, origin, surface = 21, (1.0, 2.0, 3.0), np.full((5, 5), 70.0)
    shares = np.broadcast_to((np.arange(6) + 0.5) / 6, (count, count, 6)).copy()
    nodes, cells, along = np.empty((count, count, 4, 3)), np.empty((count, count, 6)), np.empty((count, count))
    under_surface(
        origin, (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), 60.0, 30.0, 2.0, surface, 12.0, shares, nodes, cells,
        along,
    )  # fmt: skip
    away = nodes - np.array(origin)
    assert np.linalg.norm(away, axis=-1) == pytest.approx(np.broadcast_to([70, 66, 62, 58], (count, count, 4)))
    assert away[:, :, 0] / 70 == pytest.approx(frame(count))
    assert along[0, 10] == pytest.approx(15) and along[10, 0] == pytest.approx(30)  # stretched along the first tangent
    # A cap about the middle: all that lies within 24 mm along the sphere, of a shell from 58 to 70 mm.
    cap = 2 * np.pi * (1 - np.cos(24 / 60)) * (70**3 - 58**3) / 3
    steps = np.linspace(-30, 30, count)
    assert cells[np.hypot(steps[:, None], steps) <= 24].sum() == pytest.approx(cap, rel=0.03)


def test_steps_lead_to_where_a_depth_is_0():
    edge = np.array([50.0, 90.0])
    radius, slope, last, before = np.array([60.0, 60.0]), np.ones(2), np.full(2, np.nan), np.empty(2)
    for _ in range(3):
        depth = (0.7 * (edge - radius)).astype(np.float32)
        step_to_surface(radius, depth, last, before, slope, (0.4, 1.2))
    assert radius == pytest.approx(edge, abs=1e-4) and slope == pytest.approx(0.7, abs=1e-4)


def test_control_values_are_expanded_one_axis_after_the_other():
    rng = np.random.default_rng(0)
    control = rng.normal(size=(5, 6, 7, 2)).astype(np.float32)
    firsts = [np.array([0, 1]), np.array([2, 0, 1]), np.array([3, 1])]
    weights = [rng.normal(size=(len(first), 4)).astype(np.float32) for first in firsts]
    expected = control.astype(float)
    for axis, (first, weight) in enumerate(zip(firsts, weights, strict=True)):
        rows = np.moveaxis(expected, axis, 0)
        summed = [
            sum(w * rows[place + tap] for tap, w in enumerate(some)) for place, some in zip(first, weight, strict=True)
        ]
        expected = np.moveaxis(np.array(summed), 0, axis)
    found, onto = np.empty((2, 3, 2, 2), np.float32), rng.normal(size=(2, 3, 2, 2)).astype(np.float32)
    taps = [part for pair in zip(firsts, weights, strict=True) for part in pair]
    expand_control(control, *taps, np.empty((0, 0, 0, 0), np.float32), 0.0, found)
    assert found == pytest.approx(expected, abs=1e-4)
    expand_control(control, *taps, onto, 2.5, found)
    assert found == pytest.approx(expected + 2.5 * onto, abs=1e-4)


def test_summed_rows_are_added_to_what_is_there():
    rng = np.random.default_rng(0)
    values, onto = (rng.normal(size=(2, count, 3)).astype(np.float32) for count in (7, 5))
    first, weights = np.array([0, 1, 1, 2, 3]), rng.normal(size=(5, 4)).astype(np.float32)
    plain, found = np.empty((2, 5, 3), np.float32), np.empty((2, 5, 3), np.float32)
    sum_rows(values, first, weights, plain)
    sum_rows_onto(values, first, weights, onto, -1.7, found)
    assert found == pytest.approx(plain - 1.7 * onto, abs=1e-6)
