"""What the blood of a hematoma looks like: age, layers, patches and swirls."""

import numpy as np
import pytest
import torch

from xaigt.distributions import Choice
from xaigt.lesions.blood import SWIRL_EDGE, SWIRL_FROM, Blood, BloodRecipe, density, draw_blood, settle
from xaigt.randomness import stream

EDGE = torch.linspace(-20, 20, 33)
POINTS = torch.stack(torch.meshgrid(EDGE, EDGE, EDGE, indexing="ij"), -1)
EVERYWHERE = torch.ones(POINTS.shape[:-1])
RECIPE = {"family": "any", "core_hu": 60, "subacute_hu": 38, "chronic_hu": 18, "texture_hu": 2}


def blood(**changes):
    plain = {"core_hu": 60, "old_hu": 20, "texture_hu": 0, "swirl_hu": 0, "mixture": "none", "share": 0.4}
    return Blood(**{**plain, "layer_mm": 0.0, "seed": 5, **changes})


def drawn(stage, sample=0, **changes):
    recipe = BloodRecipe.model_validate({**RECIPE, "stage": {"choice": {stage: 1}}, **changes})
    return draw_blood(stream(0, sample, "contrast"), recipe)


@pytest.mark.parametrize(("stage", "hu"), [("acute", 60), ("subacute", 38), ("chronic", 18), ("mixed", 60)])
def test_the_stage_moves_the_density(stage, hu):
    found, inside = drawn(stage)
    assert found == stage and inside.core_hu == hu and inside.old_hu == 18
    assert (inside.mixture != "none") == (stage == "mixed")


def test_a_stage_may_be_drawn_from_elsewhere():
    recipe = BloodRecipe.model_validate({**RECIPE, "stage": {"choice": {"acute": 1}}})
    assert draw_blood(stream(0, 0, "contrast"), recipe, Choice(choice={"chronic": 1.0}))[0] == "chronic"


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="did you mean 'chronic'"):
        drawn("chronik")


def test_only_fresh_blood_swirls():
    stages = {stage: [drawn(stage, sample, swirl=1, swirl_hu=-12)[1] for sample in range(3)] for stage in
              ("acute", "subacute", "chronic", "mixed")}  # fmt: skip
    assert all(item.swirl_hu == -12 for item in stages.pop("acute"))
    assert all(item.swirl_hu == 0 for items in stages.values() for item in items)


def test_texture_has_its_deviation():
    values = density(blood(texture_hu=3.0), (0, 0, 0), POINTS, 4.0, EVERYWHERE)
    assert float(values.mean()) == pytest.approx(60, abs=1) and float(values.std()) == pytest.approx(3, rel=0.25)


def test_a_swirl_makes_about_a_third_less_dense():
    means = []
    for seed in range(6):
        change = density(blood(swirl_hu=-15, seed=seed), (0, 0, 0), POINTS, 5.0, EVERYWHERE) - 60
        assert float(change.min()) == pytest.approx(-15, abs=0.5) and float(change.max()) == 0
        means.append(float((change < -7.5).float().mean()))
    # The noise is about normal: the swirl is half as deep as it gets at SWIRL_FROM + half the width of its edge.
    expected = 1 - torch.special.ndtr(torch.tensor(SWIRL_FROM + SWIRL_EDGE / 2))
    assert np.mean(means) == pytest.approx(float(expected), abs=0.1)


def test_layers_part_at_the_share_and_the_fresh_blood_lies_behind():
    mixed = settle(blood(mixture="layers", share=0.25), POINTS[..., 1].ravel().numpy())
    assert mixed.layer_mm == pytest.approx(-10, abs=1.5)  # y runs from -20 (the back) to 20
    values = density(mixed, (0, 0, 0), POINTS, 5.0, EVERYWHERE)
    y = POINTS[..., 1]
    assert float(values[y < mixed.layer_mm - 7].min()) == pytest.approx(60, abs=0.1)
    assert float(values[y > mixed.layer_mm + 7].max()) == pytest.approx(20, abs=0.1)


def test_settling_weighs_points_by_what_they_fill():
    heights, volumes = np.array([3.0, 0.0, 1.0]), np.array([7.0, 1.0, 1.0])
    # 9 mm3: two of 1 at y = 0 and 1, seven at y = 3; half of it is reached at y = 3.
    assert settle(blood(mixture="layers", share=0.5), heights, volumes).layer_mm == 3
    assert settle(blood(mixture="layers", share=0.2), heights, volumes).layer_mm == 1
    assert settle(blood(mixture="layers", share=0.5), heights).layer_mm == 1  # all alike
    assert settle(blood(share=0.2), heights, volumes).layer_mm == 0


def test_patches_take_their_share():
    shares = []
    for seed in range(8):
        values = density(blood(mixture="patches", share=0.4, seed=seed), (0, 0, 0), POINTS, 2.0, EVERYWHERE)
        assert float(values.min()) == pytest.approx(20) and float(values.max()) == pytest.approx(60)
        shares.append(float((values > 40).float().mean()))
    # The half-way density lies at the quantile of the share: so much is fresh, up to how normal the noise is.
    assert np.mean(shares) == pytest.approx(0.4, abs=0.1)
