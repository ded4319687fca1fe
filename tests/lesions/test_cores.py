"""Compiled loops of families give what their formulas give on other devices."""

import numpy as np
import pytest
import torch
from planted import anatomy, draw_lesions

from xaigt.lesions import family
from xaigt.lesions.blobs import size_function, size_on_device
from xaigt.lesions.blood import Blood, density, density_on_device
from xaigt.lesions.extra_axial import NOISE_MM
from xaigt.lesions.families import dense_falx, intraventricular, skull_edge, subarachnoid
from xaigt.lesions.noise import noise_at
from xaigt.lesions.strands import Tube, distance, fills
from xaigt.sampling import flat

FIELDS = ("csf", "ventricles", "depth")


def points_about(lesion, reach, seed=0, count=6000):
    """Points of a box about a lesion, in the layout that lesions are evaluated in."""
    offset = np.random.default_rng(seed).uniform(-1, 1, (3, count // 4, 4)) * reach
    centre = np.asarray(lesion.centre_mm)[:, None, None]
    return torch.from_numpy((centre + offset).astype(np.float32)).movedim(0, -1)


def on_device(world, lesion, points, softness):
    """Core by the formula of the lesion's family that runs on any device."""
    at = world.to_template(points)
    if lesion.family in ("epidural", "subdural"):
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, NOISE_MM)
        depth = world.at_template(at, "depth")
        return family(lesion.family).core_on_device(lesion, points, at, depth, noise, softness)
    if lesion.family == "skull-edge":
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, skull_edge.NOISE_MM)
        return skull_edge.core_on_device(lesion, points, world.at_template(at, "depth"), noise, softness)
    if lesion.family == "dense-falx":
        return dense_falx.core_on_device(lesion, at, world.at_template(at, "depth"), softness)
    if lesion.family == "intraventricular":
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, intraventricular.NOISE_MM)
        ventricles = world.at_template(at, "ventricles")
        return intraventricular.core_on_device(lesion, points, at, ventricles, noise, softness)
    noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, subarachnoid.NOISE_MM)
    fields = tuple(world.at_template(at, name) for name in FIELDS)
    return subarachnoid.core_on_device(lesion, points, noise, fields, softness)


@pytest.mark.parametrize("softness", [1.25, 9.0])
@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("epidural", {"volume_ml": 20}),
        ("subdural", {"volume_ml": 30, "sites": {"choice": {"convexity": 1}}}),
        ("subdural", {"volume_ml": 8, "sites": {"choice": {"tentorium": 1}}}),
        ("intraventricular", {"volume_ml": 10, "both_sides": 1.0}),
        ("intraventricular", {"volume_ml": 4, "both_sides": 0.0}),
        ("subarachnoid", {"volume_ml": 10}),
        ("skull-edge", {}),
        ("dense-falx", {}),
    ],
)
def test_loops_fill_what_formulas_fill(name, drawn, softness):
    for world, lesion in draw_lesions(name, "mni152-ct", 3, **drawn):
        kind = family(name)
        points = points_about(lesion, kind.reach(lesion))
        found = kind.footprint(lesion, world, points, softness).core
        expected = on_device(world, lesion, points, softness)
        assert float(expected.max()) > 0.4 and float(expected.mean()) < 0.9  # neither nothing nor all of it
        assert torch.allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("parts", [1, 3])
def test_the_size_of_a_blob_is_that_of_the_formula(parts):
    for _, lesion in draw_lesions("intraparenchymal", "mni152-ct", 2, ellipsoids=parts, volume_ml=20):
        blob = lesion.shape
        assert len(blob.ellipsoids) == parts
        points = points_about(lesion, 3 * blob.radius_mm)  # also beyond the lattice of the noise
        noise = noise_at(blob.noise_seed, points, blob.centre_mm, blob.radius_mm)
        expected = size_on_device(blob, points, noise)
        assert torch.allclose(size_function(blob, points), expected, rtol=1e-5, atol=1e-3)


TUBES = (
    Tube(start=(0, 0, 0), end=(0, 0, 9), radius_mm=2),
    Tube(start=(3, 3, 3), end=(3, 3, 3), radius_mm=1.5),
    Tube(start=(-4, 2, 1), end=(5, -3, 2), radius_mm=1),
)


@pytest.mark.parametrize(
    ("point", "softness", "expected"),
    [
        ((0, 1, 4), 1.0, 1.0),  # well inside
        ((0, -2.25, 5), 1.0, 0.25),  # a quarter of a millimetre outside, an edge of one
        ((3, 3, 1.6), 0.5, 0.7),  # 0.1 mm inside the ball
        ((0, 0, 40), 1.0, 0.0),
    ],
)
def test_tubes_fill_by_the_distance_from_them(point, softness, expected):
    points = torch.tensor([[point]], dtype=torch.float32)
    assert fills(TUBES, points, softness).tolist() == [[pytest.approx(expected, abs=1e-5)]]


def test_tubes_fill_as_their_distance_says():
    points = torch.from_numpy(np.random.default_rng(0).uniform(-8, 12, (500, 4, 3)).astype(np.float32))
    for softness in (0.3, 6.0):
        expected = torch.clamp(0.5 - distance(TUBES, points) / softness, 0, 1)
        assert torch.allclose(fills(TUBES, points, softness), expected, atol=1e-5)


def test_the_box_of_tubes_holds_them():
    world = anatomy("mni152-ct")
    ((_, lesion),) = draw_lesions("dense-vessel", "mni152-ct", 1)
    low, high = family("dense-vessel").bounds(lesion)
    points = points_about(lesion, 40.0, count=40000)
    core = family("dense-vessel").footprint(lesion, world, points, 0.01).core
    inside = points[core > 0].numpy()
    assert len(inside) > 5 and (inside >= np.array(low) - 0.01).all() and (inside <= np.array(high) + 0.01).all()
    ends = np.array([(tube.start, tube.end) for tube in lesion.tubes]).reshape(-1, 3)
    assert low == pytest.approx((ends.min(0) - lesion.tubes[0].radius_mm).tolist(), abs=1e-4)
    assert high == pytest.approx((ends.max(0) + lesion.tubes[0].radius_mm).tolist(), abs=1e-4)


@pytest.mark.parametrize(
    "inside",
    [
        {"mixture": "none", "swirl_hu": 0.0},
        {"mixture": "none", "swirl_hu": -12.0},
        {"mixture": "layers", "swirl_hu": 0.0},
        {"mixture": "patches", "swirl_hu": 0.0},
    ],
)
def test_the_density_of_blood_is_that_of_the_formula_where_there_is_any(inside):
    blood = Blood(core_hu=60, old_hu=20, texture_hu=2.5, share=0.4, layer_mm=3.0, seed=5, **inside)
    points = torch.from_numpy(np.random.default_rng(1).uniform(-60, 60, (1500, 4, 3)).astype(np.float32))
    expected = density_on_device(blood, (1.0, 2.0, 3.0), points, 12.0)
    core = (points[..., 0] > 10).float()
    found = density(blood, (1.0, 2.0, 3.0), points, 12.0, core)
    assert torch.allclose(found[core > 0], expected[core > 0], atol=2e-3)
    assert float(expected.std()) > 1  # there is something to see


def test_points_are_laid_out_coordinate_by_coordinate():
    points = torch.arange(24.0).reshape(2, 4, 3)
    assert flat(points).tolist() == points.reshape(-1, 3).T.tolist()
    runs = points.movedim(-1, 0).contiguous().movedim(0, -1)
    assert flat(runs).tolist() == flat(points).tolist()
    assert np.shares_memory(flat(runs), runs.numpy())  # nothing is copied where coordinates lie outermost
