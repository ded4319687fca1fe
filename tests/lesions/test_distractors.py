"""What looks like hemorrhage and is none: calcifications, dense falx and vessels, the edge of the skull."""

import math
from functools import partial

import pytest
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.lesions import family
from xaigt.randomness import stream

CPU = torch.device("cpu")
NAMES = ("physiologic-calcification", "dense-falx", "dense-vessel", "skull-edge")


def world_of(sample):
    return Anatomy.of(
        load_fields("mni152-ct"), draw_subject(stream(0, sample, "subject"), SubjectRecipe()), CPU
    )  # fmt: skip


def drawn(name, sample, world, **settings):
    kind = family(name)
    return kind.draw(partial(stream, 6, sample), kind.recipe.model_validate(settings), world)


def filled(name, lesion, world, step=0.8):
    """Points that it fills, and the volume (mm3) that they stand for."""
    kind = family(name)
    reach = kind.reach(lesion)
    count = math.ceil(2 * reach / step)
    edge = torch.linspace(-reach, reach, count)
    points = torch.stack(torch.meshgrid(*(edge + c for c in lesion.centre_mm), indexing="ij"), -1)
    found = kind.footprint(lesion, world, points, softness=0.2)
    for axis in range(3):
        assert float(found.core.select(axis, 0).max()) == float(found.core.select(axis, -1).max()) == 0
    assert float(found.level[found.core > 0.5].min()) == pytest.approx(lesion.hu)
    return points[found.core >= 0.5], float(found.core.double().sum()) * float(edge[1] - edge[0]) ** 3


@pytest.mark.parametrize("name", NAMES)
def test_they_are_denser_than_brain_and_lie_in_the_head(name):
    for sample in range(3):
        world = world_of(sample)
        lesion = drawn(name, sample, world)
        points, volume = filled(name, lesion, world)
        assert lesion.hu > 45 and volume > 5
        assert float(world(points, "depth").min()) > -0.5
        assert family(name).lesion.model_validate_json(lesion.model_dump_json()) == lesion
        low, high = lesion.z_range_mm
        # Its heights, before bone and the borders of the dura cut some of it away.
        assert low <= points[:, 0].max() and points[:, 0].min() <= high
        assert low - 6 <= points[:, 0].min() and points[:, 0].max() <= high + 6


@pytest.mark.parametrize(
    ("site", "z", "y", "x"),
    [("choroid-plexus", (0, 16), (-49, -33), (18, 30)), ("pineal", (-5, 7), (-34, -24), (0, 6)),
     ("basal-ganglia", (-8, 6), (-12, 6), (12, 26))],
)  # fmt: skip
def test_calcifications_lie_at_their_site(site, z, y, x):
    for sample in range(3):
        world = world_of(sample)
        lesion = drawn("physiologic-calcification", sample, world, sites={"choice": {site: 1}}, diameter_mm=3)
        at = world.to_template(filled("physiologic-calcification", lesion, world)[0])
        at[:, 2] = at[:, 2].abs()
        for axis, (low, high) in enumerate((z, y, x)):
            assert low - 3 < float(at[:, axis].min()) and float(at[:, axis].max()) < high + 3


def test_a_dense_falx_is_thin_midline_and_thins_to_its_edge():
    world = world_of(1)
    lesion = drawn("dense-falx", 1, world, half_mm=1.5, length_mm=30)
    at = world.to_template(filled("dense-falx", lesion, world, step=0.5)[0])
    along = torch.sqrt((at[:, 0] - lesion.middle[0]) ** 2 + (at[:, 1] - lesion.middle[1]) ** 2)
    assert float(at[:, 2].abs().max()) == pytest.approx(1.5, abs=0.35)
    assert float(along.max()) <= 15.1
    # Half as far out as it reaches it has sqrt(3) / 2 of its thickness; near the edge hardly any.
    assert float(at[along > 13.5][:, 2].abs().max()) < 0.9


def test_what_slopes_at_the_skull_touches_it_and_is_as_thick_as_drawn():
    for sample in range(3):
        world = world_of(sample)
        lesion = drawn("skull-edge", sample, world, thickness_mm=4.0, length_mm=30)
        depth = world(filled("skull-edge", lesion, world)[0], "depth")
        assert float(depth.quantile(0.02)) < 1
        assert float(depth.max()) < 4 * 1.6 + 0.2  # the noise makes it uneven by up to 60 %


@pytest.mark.parametrize("site", ["basilar", "middle-cerebral", "sagittal-sinus", "straight-sinus", "transverse-sinus"])
def test_vessels_are_tubes(site):
    world = world_of(0)
    lesion = drawn("dense-vessel", 0, world, sites={"choice": {site: 1}}, radius_mm=2)
    points, volume = filled("dense-vessel", lesion, world)
    assert volume == pytest.approx(lesion.volume_mm3, rel=0.35)  # bone cuts some of it away
    extent = (points.max(0).values - points.min(0).values).norm()
    assert float(extent) > 15 and volume < math.pi * 3.8**2 * 130
