"""Blood along the falx and the tentorium."""

from functools import partial

import numpy as np
import pytest
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.compiled.sheets import beyond_sheet
from xaigt.lesions import family
from xaigt.lesions.columns import LAYERS, Read
from xaigt.lesions.sheets import (
    HALF_MM,
    TENT,
    THICKEST_MM,
    Sheet,
    border,
    from_sheet,
    outside,
    size_function,
    sized,
    tentorium_height,
    thickness,
)
from xaigt.randomness import stream

SUBDURAL = family("subdural")


def sheet(**changes):
    plain = {"form": "falx", "side": 1, "centre": (40.0, -20.0, 0.7), "ratio": 0.25, "stretch": 1.0}
    return Sheet(**{**plain, **changes})


def test_the_size_function_beside_the_falx_by_hand():
    at = torch.tensor([[40.0, -20.0, HALF_MM + 2], [40.0, -10.0, HALF_MM], [48.0, -14.0, HALF_MM]])
    # 2 mm from the dura over a ratio of 0.25; 10 mm to the front; 8 up and 6 to the front.
    assert size_function(sheet(), at).tolist() == pytest.approx([8, 10, 10], abs=1e-4)
    assert size_function(sheet(stretch=2.0), at).tolist()[1] == pytest.approx(5, abs=1e-4)
    assert from_sheet("falx", -1, at)[0] == pytest.approx(-(HALF_MM + 2) - HALF_MM)


@pytest.mark.parametrize(("form", "side"), [("falx", 1), ("falx", -1), ("tentorium", 1)])
def test_points_in_columns_have_the_size_of_any_points_and_lie_within_the_sheet(form, side):
    rng = np.random.default_rng(0)
    scale = (1.1, 0.95, 1.05)
    sheet = Sheet(form=form, side=side, centre=(10.0, -50.0, 20.0), ratio=0.4, stretch=1.3, scale=scale)
    table = rng.normal(0, 1, (60, LAYERS, 8))
    table[..., 3:6] = rng.uniform((-10, -90, -8), (40, 20, 50), (60, LAYERS, 3))
    table[..., 6] *= 20
    size, free = sized(sheet, Read(table, np.ones((60, LAYERS))), 0.05, 1.0)
    at, depth = torch.from_numpy(table[..., 3:6].copy()), torch.from_numpy(table[..., 6].copy())
    assert size == pytest.approx(size_function(sheet, at).numpy() * (1 + 0.05 * table[..., 7]))
    expected = (outside(form, side, at, depth, scale) <= 0) & (depth >= 1)
    assert np.array_equal(free, expected.numpy()) and free.any()


def test_thickness_tapers_and_is_bounded():
    at = torch.tensor([[40.0, -20.0, 1.0], [40.0, 0.0, 1.0], [40.0, 5.0, 1.0]])
    assert thickness(sheet(level_mm=20.0), at).tolist() == pytest.approx([5, 0, 0], abs=1e-3)
    assert float(thickness(sheet(level_mm=99.0), at[0])) == THICKEST_MM


def test_the_tentorium_rises_to_the_middle_and_is_symmetric():
    y, x = torch.tensor([-60.0, -60.0, -45.0]), torch.tensor([15.0, 50.0, 25.0])
    height = tentorium_height(y, x)
    assert torch.equal(height, tentorium_height(y, -x))
    assert float(height[0]) > float(height[1])  # a tent: its leaves fall to the sides
    assert float(tentorium_height(torch.tensor(-40.0), x[0])) > float(tentorium_height(torch.tensor(-80.0), x[0]))


@pytest.mark.parametrize(("form", "side"), [("falx", 1), ("tentorium", -1), ("tentorium", 1)])
def test_drawing_and_rendering_agree_on_the_border_of_a_sheet(form, side):
    rng = np.random.default_rng(0)
    points, depth = rng.uniform((-30, -90, -60), (80, 80, 60), (400, 3)), rng.normal(20, 20, 400).astype(np.float32)
    scale, found = (1.1, 0.95, 1.05), np.empty(400)
    beyond_sheet(form == "falx", side, scale, TENT, points, depth, found)
    expected = border(form, side, torch.from_numpy(points), torch.from_numpy(depth), scale).numpy()
    assert found == pytest.approx(np.maximum(expected, -depth))


@pytest.mark.parametrize("site", ["falx", "tentorium"])
def test_a_collection_has_its_volume_and_lies_on_its_sheet(site):
    recipe = SUBDURAL.recipe.model_validate({"sites": {"choice": {site: 1}}, "volume_ml": 5})
    for sample in range(3):
        world = Anatomy.of(
            load_fields("mni152-ct"), draw_subject(stream(0, sample, "subject"), SubjectRecipe()), torch.device("cpu")
        )
        lesion = SUBDURAL.draw(partial(stream, 9, sample), recipe, world)
        assert lesion.shape.form == site and lesion.stage in ("acute", "subacute")
        reach = SUBDURAL.reach(lesion)
        edge = torch.linspace(-reach, reach, 80)
        points = torch.stack(torch.meshgrid(*(edge + c for c in lesion.centre_mm), indexing="ij"), -1)
        core = SUBDURAL.footprint(lesion, world, points, softness=0.2).core  # a wide edge would round up thin rims
        volume = float(core.double().sum()) * float(edge[1] - edge[0]) ** 3
        assert volume == pytest.approx(lesion.volume_mm3, rel=0.04)
        assert lesion.volume_mm3 == pytest.approx(5000, rel=0.02)
        for axis in range(3):  # nothing beyond the reach
            assert float(core.select(axis, 0).max()) == float(core.select(axis, -1).max()) == 0
        away = from_sheet(site, lesion.shape.side, world.to_template(points[core >= 0.5]))
        assert float(away.min()) > -0.7 and float(away.max()) < THICKEST_MM + 0.7
        assert float(away.quantile(0.1)) < 2


def test_one_does_not_hold_more_than_its_sheet():
    recipe = SUBDURAL.recipe.model_validate({"sites": {"choice": {"tentorium": 1}}, "volume_ml": 90})
    world = Anatomy.of(
        load_fields("mni152-ct"), draw_subject(stream(0, 0, "subject"), SubjectRecipe()), torch.device("cpu")
    )
    assert SUBDURAL.draw(partial(stream, 9, 0), recipe, world).volume_mm3 <= 14_100


def test_an_unknown_site_is_refused():
    with pytest.raises(ValueError, match="did you mean 'tentorium'"):
        SUBDURAL.recipe.model_validate({"sites": {"choice": {"tentorum": 1}}})
