"""Sites are scaled to the head: lobes, and the tentorium."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.anatomy.test_subjects import PLAIN
from tests.lesions.planted import filled
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.lesions.registry import family
from xaigt.lesions.sheets import tentorium_height
from xaigt.lesions.sites import LOBES, draw_position, largest_ml
from xaigt.lobes import NUMBER
from xaigt.randomness import stream


@pytest.mark.parametrize("site", LOBES)
def test_a_place_in_a_lobe_is_white_matter_of_it(site):
    world = Anatomy.of(load_fields("mni152-ct"), PLAIN, torch.device("cpu"))
    sides = set()
    for seed in range(8):
        at = torch.tensor([draw_position(stream(seed, 0, "place"), site, world, margin_mm=4.0)])
        assert int(world.at_template(at, "lobe")[0]) == NUMBER[site]
        assert float(world.at_template(at, "white")[0]) > 0.6
        sides.add(np.sign(float(at[0, 2])))
    assert len(sides) == 2 and largest_ml(site) > 50


def test_a_smaller_head_has_its_lobes_where_they_are_scaled_to():
    fields = load_fields("mni152-ct")
    smaller = Anatomy.of(replace(fields, scale=(1.2, 1.2, 1.2)), PLAIN, torch.device("cpu"))
    point = torch.tensor([[0.0, -56.0, 10.0]])  # times 1.2: y = -67, behind the border at -59
    assert int(smaller.at_template(point, "lobe")[0]) == NUMBER["occipital"]
    assert int(Anatomy.of(fields, PLAIN, torch.device("cpu")).at_template(point, "lobe")[0]) == NUMBER["parietal"]


def test_the_tentorium_is_scaled_to_the_head():
    """A head 1.2 times smaller than MNI152 has the same tent, 1.2 times smaller."""
    y, x = torch.tensor([-60.0, -75.0, -50.0]), torch.tensor([10.0, -30.0, 25.0])
    found = tentorium_height(y / 1.2, x / 1.2, (1.2, 1.2, 1.2))
    assert torch.allclose(found, tentorium_height(y, x) / 1.2, atol=1e-4)


def test_blood_along_the_tentorium_of_a_smaller_head_lies_on_it():
    scale = (1.1, 1.08, 1.06)  # z, y, x
    fields = replace(load_fields("mni152-ct"), scale=scale[::-1])
    world, kind = Anatomy.of(fields, PLAIN, torch.device("cpu")), family("subdural")
    recipe = kind.recipe(sites={"choice": {"tentorium": 1}})
    lesion = kind.draw(lambda purpose: stream(1, 0, purpose), recipe, world)
    assert lesion.shape.scale == scale
    core, points, cell = filled(world, lesion)
    inside = points[core.core >= 0.5]
    above = inside[:, 0] - tentorium_height(inside[:, 1], inside[:, 2], scale)
    assert float(above.min()) > 0 and float(above.max()) < 12
    assert len(inside) * cell == pytest.approx(lesion.volume_mm3, rel=0.25)
