"""Planting: the voxels of a lesion's box, means over them, and blending, beside what is known by hand or from torch."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.compiled.planting import near_box, points_inside_voxels, voxel_means
from xaigt.lesions.base import Footprint
from xaigt.randomness import stream
from xaigt.synthesis.canvas import Canvas
from xaigt.synthesis.cover import Cover, cover
from xaigt.volume import Grid

BOX = (slice(0, 2), slice(1, 5), slice(2, 7))
SHAPE = (2, 6, 8)
FAR = ((-math.inf,) * 3, (math.inf,) * 3)


def canvas(contrast=None, seed=0):
    """A canvas of random tissue, some voxels of which have almost none."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([1, 1, 1], SHAPE).astype(np.float32) * rng.choice([0.02, 0.6, 1.0], SHAPE)[..., None]
    read = {
        name: torch.from_numpy(shares[..., i].astype(np.float32)) for i, name in enumerate(("grey", "white", "csf"))
    }
    subject = SimpleNamespace(grey_hu=38.0, white_hu=29.0, csf_hu=7.0)
    anatomy = SimpleNamespace(map=SimpleNamespace(subject=subject))
    plan = SimpleNamespace(contrast_to_noise=contrast, acquisition=SimpleNamespace(noise_hu=4.0))
    image = torch.from_numpy(rng.uniform(0, 60, SHAPE).astype(np.float32))
    return Canvas(image, read, None, anatomy, plan)


def covered(seed, additive):
    """A lesion in a part of the voxels of the box, with oedema around it."""
    rng = np.random.default_rng(seed)
    core = np.clip(rng.uniform(-0.6, 1.4, (2, 4, 5)), 0, 1).astype(np.float32)
    oedema = np.where(core == 0, rng.uniform(-1, 1, core.shape).clip(0), 0).astype(np.float32)
    filling = (core * rng.uniform(50, 70, core.shape)).astype(np.float32)
    return Cover(BOX, torch.from_numpy(core), torch.from_numpy(filling), torch.from_numpy(oedema), -9.0, additive)


class Cube:
    """A family as another package may write it: double precision, one level, one value for all oedema."""

    name, plain = "cube", False

    def reach(self, lesion):
        return 9.0

    def bounds(self, lesion):
        return None

    def footprint(self, lesion, world, points, softness):
        outside = (points - torch.tensor(lesion.centre_mm)).abs().amax(-1).double() - 3.0
        core = torch.clamp(0.5 - outside / softness, 0, 1)
        return Footprint(core, torch.tensor(70.0), torch.tensor(0.0), 0.0)


@pytest.mark.parametrize("spacing", [3.0, 0.5])  # a few points in the box, and so many that it is looked at first
def test_what_a_family_gives_is_averaged_over_each_voxel(spacing):
    fields = load_fields("mni152-ct")
    anatomy = Anatomy.of(fields, draw_subject(stream(0, 0, "subject"), SubjectRecipe()), torch.device("cpu"))
    grid = Grid((3, 60, 60), (spacing,) * 3, spacing, (0.0, 0.0, 0.0))
    found = cover(Cube(), SimpleNamespace(centre_mm=(0.0, 0.0, 0.0)), anatomy, grid)
    parts = zip(grid.axes(), found.box, strict=True)
    edges = [np.clip((3 - np.abs(axis)) / spacing + 0.5, 0, 1)[part] for axis, part in parts]
    expected = edges[0][:, None, None] * edges[1][:, None] * edges[2]
    assert np.allclose(found.core.numpy(), expected, atol=0.02 if spacing < 1 else 0.15)
    assert np.allclose(found.filling.numpy(), 70 * found.core.numpy(), atol=1e-3)
    assert found.core.sum() * spacing**3 == pytest.approx(expected.sum() * spacing**3, rel=0.02)


@pytest.mark.parametrize("contrast", [None, 2.5])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("additive", [False, True])
def test_blending_is_that_of_any_device(contrast, known, additive):
    quick, slow = canvas(contrast), canvas(contrast)
    before = quick.image.clone()
    for number in (1, 2):  # the second meets the first
        lesion = covered(number, additive)
        exact = lesion.core > 0.3 if known else None
        slow._blend_on_device(number, lesion, exact)
        quick._blend(number, lesion, exact)
    for name in ("image", "core", "oedema"):
        assert torch.allclose(getattr(quick, name), getattr(slow, name), atol=1e-3), name
    assert torch.equal(quick.instance, slow.instance)
    assert set(quick.instance.unique().tolist()) == {0, 1, 2}
    beside = torch.ones(SHAPE, dtype=torch.bool)
    beside[BOX] = False
    assert torch.equal(quick.image[beside], before[beside]) and not bool(quick.instance[beside].any())


def test_a_voxel_that_a_lesion_fills_gets_its_value_in_place_of_its_tissue():
    quick = canvas()
    for name, share in (("grey", 0.5), ("white", 0.3), ("csf", 0.0)):  # and 0.2 of bone
        quick._read[name].fill_(share)
    quick.image.fill_(100.0)
    core = torch.zeros(2, 4, 5)
    core[1, 2, 3], core[0, 0, 0] = 0.5, 0.4
    lesion = Cover(BOX, core, core * 60, torch.zeros_like(core), 0.0, False)
    quick._blend(7, lesion, None)
    tissue = (0.5 * 38 + 0.3 * 29) / 0.8
    assert float(quick.image[1, 3, 5]) == pytest.approx(100 + 0.5 * (60 - tissue), abs=1e-4)
    assert quick.instance.nonzero().tolist() == [[1, 3, 5]]  # half of it is filled, and less than half of the other


def test_the_dial_brings_a_lesion_to_its_contrast():
    quick = canvas(contrast=3.0)
    quick.image.fill_(0.0)
    lesion = covered(3, additive=True)
    quick._blend(1, lesion, None)
    own = quick.instance[BOX] == 1
    added = quick.image[BOX][own].double().sum()
    assert float(added / quick.core[BOX][own].double().sum()) == pytest.approx(3.0 * 4.0, rel=1e-5)


@pytest.mark.parametrize(
    ("centre", "reach", "low", "high", "expected"),
    [
        ((10, 0, 0), 3.0, *FAR, [[1, 2], [0, 4], [0, 4]]),
        ((10, 0, 0), 1.4, *FAR, [[1, 2], [1, 3], [1, 3]]),  # the outer rows begin 2 mm away
        ((13.0, 0, 0), 2.05, *FAR, [[1, 2], [1, 3], [1, 3]]),  # the slice is 0.5 mm away: a disc of 1.99 mm
        ((13.0, 0, 0), 0.4, *FAR, [[0, 0], [0, 0], [0, 0]]),  # in no slice
        ((10, 0, 0), 7.0, (-99, -99, 2.0), (99, 99, 2.5), [[1, 2], [0, 4], [0, 2]]),  # cut to a box
        ((10, 90, 0), 3.0, *FAR, [[1, 2], [0, 0], [0, 0]]),
    ],
)
def test_the_box_of_a_lesion_holds_the_voxels_it_can_reach(centre, reach, low, high, expected):
    heights, rows, columns = np.array([0.0, 10.0, 20.0]), np.array([-3.0, -1.0, 1.0, 3.0]), np.array([3.0, 1, -1, -3])
    found = np.empty((3, 2), np.int64)
    near_box(heights, rows, columns, (5.0, 2.0, 2.0), centre, reach, low, high, 0.5, found)
    assert found.tolist() == expected


def test_points_inside_voxels_lie_about_their_centres():
    axes = np.array([1.0, 2.0]), np.array([10.0, 11.0, 12.0]), np.array([100.0, 90.0])
    offsets = np.array([[-0.25, 0.25], [0.5, 0], [0, 1]], np.float32)
    found = np.empty((3, 2, 2), np.float32)
    points_inside_voxels(*axes, np.array([1, 10]), offsets, found)  # voxels (0, 0, 1) and (1, 2, 0)
    assert found.tolist() == [
        [[0.75, 1.25], [1.75, 2.25]],
        [[10.5, 10.0], [12.5, 12.0]],
        [[90.0, 91.0], [100.0, 101.0]],
    ]


def test_means_are_taken_over_the_points_of_each_voxel():
    core = np.array([[1, 0.5, 0, 0.5], [0, 0, 0, 0.2]], np.float32)
    value = np.array([[10, 20, 99, 40], [0, 0, 0, 5]], np.float32)
    oedema = np.broadcast_to(np.float32(0.25), (2, 4)).copy()
    found = np.full((3, 4), -1, np.float32)
    voxel_means(core, value, oedema, np.array([3, 1]), *found)
    assert found[0] == pytest.approx([-1, 0.05, -1, 0.5])
    assert found[1] == pytest.approx([-1, 0.25, -1, 10.0])
    assert found[2] == pytest.approx([-1, 0.25, -1, 0.25])
