"""Tumours: a rim around a core, and oedema outside both."""

import numpy as np
import pytest
import torch

from tests.lesions.planted import draw_lesions, filled
from xaigt.lesions import family


@pytest.fixture(scope="module")
def drawn():
    return draw_lesions("tumor", "mni152-flair", 4, volume_ml={"uniform": [20, 40]}, texture=0)


def test_the_level_is_that_of_the_rim_near_the_surface_and_of_the_core_inside(drawn):
    kind = family("tumor")
    for world, lesion in drawn:
        found, points, _ = filled(world, lesion)
        depth = -kind.beyond(lesion, points)
        shallow, deep = (depth > 0) & (depth < 0.4), depth > 2 * lesion.rim_mm + 1
        assert torch.allclose(found.level[shallow], torch.tensor(lesion.value), rtol=1e-3)
        assert torch.allclose(found.level[deep], torch.tensor(lesion.core_value), rtol=1e-3)
        assert 1400 <= lesion.value <= 1800 and 600 <= lesion.core_value <= 1000
        # In between the core takes over: deeper is never nearer to the rim's value on average.
        shells = [found.level[(depth >= low) & (depth < low + 1)].mean() for low in range(int(2 * lesion.rim_mm))]
        towards = torch.stack(shells) / lesion.value
        assert bool((towards.diff() < 0.03).all()) and float(towards[0]) > 0.95 and float(towards[-1]) < 0.8


def test_a_small_tumour_is_all_rim():
    ((world, lesion),) = draw_lesions("tumor", "mni152-flair", 1, volume_ml=0.6, rim_mm=7, texture=0, ellipsoids=1)
    found, _, _ = filled(world, lesion)
    assert float(found.level[found.core >= 0.5].mean()) == pytest.approx(lesion.value, rel=0.02)


def test_oedema_lies_outside_in_white_matter_and_fades(drawn):
    kind = family("tumor")
    for world, lesion in drawn:
        found, points, _ = filled(world, lesion)
        assert float((found.oedema * (found.core >= 1)).max()) == 0
        assert float(found.oedema[world(points, "white") < 0.1].max()) == 0
        beyond = kind.beyond(lesion, points)
        assert float(found.oedema[beyond > 1.5 * lesion.oedema_mm].max()) == 0
        white = world(points, "white") > 0.8
        near = found.oedema[white & (beyond > 0.5) & (beyond < 2)].mean()
        far = found.oedema[white & (beyond > 0.8 * lesion.oedema_mm) & (beyond < lesion.oedema_mm)].mean()
        assert float(near) > 0.8 > 0.5 > float(far)
        assert lesion.oedema == 950 and found.shift == 950  # science: 1.95 of white matter on FLAIR


def test_volumes_follow_the_recipe():
    kind = family("tumor")
    recipe = kind.recipe()
    drawn = [kind.volume(np.random.default_rng(n), recipe) / 1000 for n in range(400)]
    assert min(drawn) >= 3 and max(drawn) <= 60 and np.median(drawn) == pytest.approx(15, rel=0.2)
