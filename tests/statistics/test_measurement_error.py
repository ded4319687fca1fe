"""Measurement error: the algebra by hand, the bias that is taken away, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from xaigt.statistics import StatisticsError, compare
from xaigt.statistics.measurement_error import reliability
from xaigt.statistics.simulation import World, simulate


def test_reliability_by_hand():
    cells = np.repeat(np.eye(2), 4, axis=0)
    covariate = np.array([1.0, 2, 3, 4, 11, 12, 13, 14])
    found = reliability(cells, covariate, np.full(8, 0.5))
    assert found.df == 6
    assert found.within_variance == pytest.approx(10 / 6)
    assert found.value == pytest.approx(1 - (1 - 3 / 6) * 0.25 / (10 / 6))


def test_calibration_divides_the_slope_by_the_reliability(study):
    result = compare(study, covariate_se="dprime_se")
    raw, corrected = result.fits["adjusted"], result.fits["corrected"]
    measured = result.scores.networks["dprime"].to_numpy(float)
    slope = raw.coefficients[raw.design.slope_column(measured)]
    np.testing.assert_allclose(corrected.slope, slope / corrected.trust.value, rtol=1e-9)
    total = result.contrasts("arm", by="method", analysis="total")["estimate"].to_numpy()
    gap = result.overlap.iloc[0]["gap"]
    ours = result.contrasts("arm", by="method", analysis="corrected")["estimate"].to_numpy()
    np.testing.assert_allclose(ours, total - corrected.slope * gap, rtol=1e-9)


def test_without_error_nothing_changes(study):
    for correction in ("calibration", "simex"):
        table = compare(study.assign(none=0.0), covariate_se="none", correction=correction).side_by_side("arm")
        adjusted, corrected = (table[table["analysis"] == name].iloc[0] for name in ("adjusted", "corrected"))
        assert corrected["estimate"] == pytest.approx(adjusted["estimate"], rel=1e-9)
        assert corrected["se"] == pytest.approx(adjusted["se"], rel=1e-9)


@pytest.mark.parametrize("correction", ["calibration", "simex"])
def test_bias_is_taken_away(correction):
    """400 networks, no direct effect, a gap in accuracy: the correction leaves less of it."""
    world = World(networks=200, depths=1, methods=1, samples=2, gap=2.0, accuracy_samples=60, network_method_sd=0.0)
    table = simulate(world, 1, np.random.default_rng(5)).table(0)
    result = compare(table, covariate_se="dprime_se", correction=correction)
    rows = result.side_by_side("arm").set_index("analysis")
    assert rows.loc["total", "estimate"] == pytest.approx(0.2, abs=0.03)
    assert rows.loc["adjusted", "low"] > 0
    assert abs(rows.loc["corrected", "estimate"]) < 0.4 * rows.loc["adjusted", "estimate"]
    assert rows.loc["corrected", "low"] < 0 < rows.loc["corrected", "high"]


def test_simex_serves_a_spline_and_separate_slopes(study):
    result = compare(study, covariate_se="dprime_se", spline_df=2, slopes="arm")
    assert "SIMEX" in result.fits["corrected"].name
    rows = result.side_by_side("arm").set_index("analysis")
    assert rows.loc["corrected", "se"] >= rows.loc["adjusted", "se"]
    again = compare(study, covariate_se="dprime_se", spline_df=2, slopes="arm").side_by_side("arm")
    assert again.set_index("analysis").equals(rows)


def test_a_covariate_that_is_mostly_error_is_not_corrected(study):
    result = compare(study.assign(error=1.0), covariate_se="error")
    assert result.analyses == ("total", "adjusted", "naive")
    finding = next(finding for finding in result.findings if finding.code == "no_corrected")
    assert "its reliability is" in finding.sentence


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spline_df": 2, "correction": "calibration"}, "one straight line"),
        ({"test": "cr2"}, "least squares only"),
        ({"generalize": "samples"}, "these samples"),
    ],
)
def test_where_there_is_no_correction_it_is_said(study, options, message):
    result = compare(study, covariate_se="dprime_se", **options)
    assert "corrected" not in result.fits
    assert message in next(finding.sentence for finding in result.findings if finding.code == "no_corrected")


def test_too_few_networks_for_a_reliability():
    with pytest.raises(StatisticsError, match="3 degrees of freedom"):
        reliability(np.ones((4, 1)), np.arange(4.0), np.full(4, 0.1))
