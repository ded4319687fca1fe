"""Hemorrhages of one lobe have their centre in it."""

import numpy as np
import pytest
import torch

from tests.anatomy.test_subjects import PLAIN
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
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
    from dataclasses import replace

    smaller = Anatomy.of(replace(fields, scale=(1.2, 1.2, 1.2)), PLAIN, torch.device("cpu"))
    point = torch.tensor([[0.0, -56.0, 10.0]])  # times 1.2: y = -67, behind the border at -59
    assert int(smaller.at_template(point, "lobe")[0]) == NUMBER["occipital"]
    assert int(Anatomy.of(fields, PLAIN, torch.device("cpu")).at_template(point, "lobe")[0]) == NUMBER["parietal"]
