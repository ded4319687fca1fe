import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from xaigt.distributions import Choice, Count, Integers, Number, Quantiles, draw, draw_count

NUMBER, COUNT = TypeAdapter(Number), TypeAdapter(Count)


def sample(written, count=4000):
    rng = np.random.default_rng(0)
    distribution = NUMBER.validate_python(written)
    return np.array([draw(rng, distribution) for _ in range(count)])


def test_a_plain_number_is_itself():
    assert set(sample(4.5, 10)) == {4.5}


def test_uniform_has_its_mean_and_bounds():
    values = sample({"uniform": [2, 6]})
    assert values.min() >= 2 and values.max() <= 6
    assert abs(values.mean() - 4) < 6 * (4 / math.sqrt(12)) / math.sqrt(4000)


def test_normal_is_redrawn_outside_its_clip_not_piled_up_at_it():
    values = sample({"normal": [50, 10], "clip": [45, 60]})
    assert values.min() >= 45 and values.max() <= 60
    assert np.mean((values == 45) | (values == 60)) < 0.001


def test_quantiles_are_hit():
    wanted = {0.0: 0.5, 0.25: 2.3, 0.5: 9.3, 0.75: 31.7, 0.95: 83.0, 1.0: 110.0}
    values = sample({"quantiles": wanted, "log": True})
    for probability in (0.25, 0.5, 0.75, 0.95):
        share = np.mean(values <= wanted[probability])
        assert abs(share - probability) < 4 * math.sqrt(probability * (1 - probability) / 4000)


def test_choice_follows_its_weights_and_never_takes_a_weight_of_zero():
    rng = np.random.default_rng(0)
    choice = Choice(choice={"a": 3, "b": 0, "c": 1})
    drawn = [choice.draw(rng) for _ in range(4000)]
    assert "b" not in drawn
    assert abs(drawn.count("a") / 4000 - 0.75) < 4 * math.sqrt(0.75 * 0.25 / 4000)


def test_integers_include_both_ends():
    rng = np.random.default_rng(0)
    assert {draw_count(rng, Integers(integers=(1, 3))) for _ in range(200)} == {1, 2, 3}
    assert draw_count(rng, 2) == 2


@settings(derandomize=True, max_examples=50)
@given(low=st.floats(-1e3, 1e3), width=st.floats(0, 1e3))
def test_what_is_drawn_is_rounded_to_four_decimals(low, width):
    value = draw(np.random.default_rng(1), NUMBER.validate_python({"uniform": [low, low + width]}))
    assert value == round(value, 4)


@pytest.mark.parametrize(
    "written",
    [
        {"uniform": [6, 2]},
        {"normal": [0, -1]},
        {"normal": [0, 1], "clip": [5, 6]},
        {"quantiles": {0.5: 1}},
        {"quantiles": {0.1: 3, 0.9: 2}},
        {"quantiles": {0.1: 0, 0.9: 2}, "log": True},
        {"unifrom": [1, 2]},
        "five",
    ],
)
def test_nonsense_is_refused(written):
    with pytest.raises(ValidationError):
        NUMBER.validate_python(written)


@pytest.mark.parametrize("written", [{"integers": [3, 1]}, 1.5])
def test_nonsense_counts_are_refused(written):
    with pytest.raises(ValidationError):
        COUNT.validate_python(written)


def test_draws_are_those_of_numpy():
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    quantiles = {0.1: 1.0, 0.5: 2.0, 0.9: 8.0}
    for log in (False, True):
        distribution = NUMBER.validate_python({"quantiles": quantiles, "log": log})
        values = np.log(list(quantiles.values())) if log else list(quantiles.values())
        for _ in range(50):
            expected = np.interp(theirs.uniform(0.1, 0.9), list(quantiles), values)
            assert draw(ours, distribution) == round(float(np.exp(expected) if log else expected), 4)
    uniform = NUMBER.validate_python({"uniform": [-2, 5]})
    assert [draw(ours, uniform) for _ in range(50)] == [round(theirs.uniform(-2, 5), 4) for _ in range(50)]


def test_a_distribution_that_was_drawn_from_equals_one_that_was_not():
    for written in ({"choice": {"a": 1, "b": 2}}, {"quantiles": {0: 1, 1: 2}}):
        model = Choice if "choice" in written else Quantiles
        drawn, fresh = model.model_validate(written), model.model_validate(written)
        drawn.draw(np.random.default_rng(0))
        assert drawn == fresh and drawn.model_dump() == fresh.model_dump()
