"""The bias formula is an identity of least squares: a cause in the model moves the estimate by it."""

from __future__ import annotations

import numpy as np
import pytest

from xaigt.statistics import StatisticsError, compare
from xaigt.statistics.sensitivity import robustness


def residual(of, given):
    return of - given @ np.linalg.lstsq(given, of, rcond=None)[0]


def test_the_bias_of_a_known_cause(study):
    result = compare(study)
    x, y = result.scores.networks["dprime"].to_numpy(float), result.responses[:, 0]
    cells = np.repeat(np.eye(6), 4, axis=0)
    # A cause that is as frequent in one cell as in another (orthogonal to cells).
    cause = residual(np.random.default_rng(1).normal(size=24) + 0.5 * x + 3 * y, cells)
    weights = np.repeat([1, -1], 3) / 3
    short = np.linalg.lstsq(np.column_stack([cells, x]), y, rcond=None)[0][:6] @ weights
    long = np.linalg.lstsq(np.column_stack([cells, x, cause]), y, rcond=None)[0][:6] @ weights
    given = np.column_stack([cells, x])
    r2_score = np.corrcoef(residual(y, given), residual(cause, given))[0, 1] ** 2
    r2_accuracy = np.corrcoef(residual(x, cells), cause)[0, 1] ** 2
    row = result.sensitivity("arm", by="method").iloc[0]
    assert row["estimate"] == pytest.approx(short)
    bias = row["reach"] * np.sqrt(r2_score * r2_accuracy / (1 - r2_accuracy))
    assert abs(long - short) == pytest.approx(bias, rel=1e-8)


def test_accuracy_gap_is_that_of_the_arms(study):
    result = compare(study)
    gaps = result.sensitivity("arm", by="method")["accuracy_gap"]
    np.testing.assert_allclose(gaps, result.overlap.iloc[0]["gap"])


def test_robustness_value_brings_the_estimate_to_zero(study):
    row = compare(study).sensitivity("arm").iloc[0]
    r2 = row["r2_zero"]
    assert row["reach"] * r2 / np.sqrt(1 - r2) == pytest.approx(abs(row["estimate"]))


@pytest.mark.parametrize(
    ("difference", "reach", "expected"),
    [(0.0, 1.0, 0.0), (-1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, (np.sqrt(5) - 1) / 2), (1e9, 1.0, 1.0)],
)
def test_robustness_by_hand(difference, reach, expected):
    assert robustness(np.array([difference]), np.array([reach]))[0] == pytest.approx(expected)


def test_equally_accurate_arms_have_nothing_to_fear(study):
    accuracy = study["network_id"].str[1:].astype(int) % 4
    row = compare(study.assign(dprime=accuracy)).sensitivity("arm").iloc[0]
    assert row["accuracy_gap"] == pytest.approx(0, abs=1e-12)
    assert row["r2_zero"] == pytest.approx(1, abs=1e-6)


def test_grid(study):
    grid = compare(study).sensitivity_grid("arm")
    assert (grid["high"] - grid["low"]).to_numpy() == pytest.approx(2 * grid["bias"].to_numpy())
    stronger = grid.groupby("r2_accuracy")["bias"].apply(lambda bias: bias.is_monotonic_increasing)
    assert stronger.all()


def test_needs_one_straight_line(study):
    with pytest.raises(StatisticsError, match="one straight line"):
        compare(study, spline_df=2).sensitivity("arm")
    with pytest.raises(StatisticsError, match="one straight line"):
        compare(study, covariate=None).sensitivity("arm")
