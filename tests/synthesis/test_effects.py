"""Confounders and suppressors that are no lesions."""

import numpy as np
import pytest
import torch

from tests.conftest import SMALL
from xaigt.randomness import stream
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.effects import Effect, apply, with_correlation
from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.plan import sampling_grid
from xaigt.synthesis.render import render
from xaigt.volume import Grid

GRID = Grid((1, 60, 60), (5.0, 2.0, 2.0), 5.0, (0.0, 0.0, 0.0))
HEAD = torch.zeros(1, 60, 60, dtype=torch.bool)
AIR = torch.full((1, 60, 60), -1000.0)
HEAD[:, 10:50, 10:50] = True


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_the_correlation_is_the_one_asked(correlation):
    labels = np.arange(4000) % 2
    there = [with_correlation(stream(0, i, "x"), correlation, bool(label)) for i, label in enumerate(labels)]
    # Standard error of a correlation of 4,000: 0.016.
    assert np.corrcoef(labels, there)[0, 1] == pytest.approx(correlation, abs=0.06)


def test_a_mark_is_a_square_in_the_corner_that_is_in_front_on_the_right():
    delta, mask = apply(Effect(kind="mark", value=50, size_mm=10), GRID, AIR, HEAD, 0.0)
    assert mask.sum() == 25 and mask[0, :5, :5].all()  # 10 mm at 2 mm
    assert torch.equal(AIR + delta, torch.where(mask, 50.0, AIR))


def test_a_shift_moves_the_head_and_nothing_else():
    delta, mask = apply(Effect(kind="shift", value=-3), GRID, AIR, HEAD, 0.0)
    assert torch.equal(mask, HEAD) and torch.equal(delta, HEAD * -3.0)


def test_a_background_is_shared_by_a_place_and_its_mirror_image():
    effect = Effect(kind="background", value=7, size_mm=9, centre_mm=(0.0, 5.0, 21.0))
    delta, mask = apply(effect, GRID, AIR, HEAD, 0.0)
    assert torch.equal(delta, delta.flip(2)) and not torch.equal(mask, mask.flip(2))
    assert torch.equal(mask | mask.flip(2), delta == 7)
    assert int(mask.sum()) == 69  # whole points within 4.5 of one of them


def test_effects_are_in_every_image_of_a_sample_and_in_no_truth():
    effects = ["effects=[{kind: mark, correlation: 1}, {kind: shift, correlation: 0}, {kind: background}]"]
    chosen = load_recipe("hemorrhage", effects, SMALL)
    without = load_recipe("hemorrhage", changes=SMALL)
    marked = {}
    for sample in range(4):
        plan = draw_plan(chosen, 0, sample)
        found = render(plan, sampling_grid(chosen), chosen, torch.device("cpu"))
        plain = render(draw_plan(without, 0, sample), sampling_grid(without), without, torch.device("cpu"))
        marked[plan.label] = "mark" in {effect.kind for effect in plan.effects}
        assert np.array_equal(found.arrays["lesion"], plain.arrays["lesion"])
        assert np.array_equal(found.arrays["altered"] > 0, found.arrays["image"] != found.arrays["twin"])
        evidence, before = (made.arrays["image"].astype(int) - made.arrays["twin"] for made in (found, plain))
        assert np.abs(evidence - before).max() <= 1  # rounding
        for row in found.lesions:
            if row["role"] != "lesion":
                assert row["voxels"] == (found.arrays["other"] == row["instance"]).sum()
    assert marked == {0: False, 1: True}
