"""Power: closed forms, a simulation of the test itself, and the command's files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from xaigt.statistics import StatisticsError, compare, power_table, read_scores, variance_components
from xaigt.statistics.calibration import analyses
from xaigt.statistics.power import Spread, power_figure
from xaigt.statistics.simulation import World, simulate

SPREAD = Spread(0.05, 0.05, 0.05, 0.1)


def test_two_arms_are_the_power_of_a_t_test():
    rows = power_table(0.1, [3, 6], [20], SPREAD)
    sd = np.sqrt(0.05**2 + 0.05**2 + (0.05**2 + 0.1**2) / 20)
    for row in rows.itertuples():
        expected = TTestIndPower().power(0.1 / sd, row.networks, 0.05)
        assert row.power == pytest.approx(expected, rel=1e-6)
        assert row.df == 2 * row.networks - 2
        found = power_table(row.detectable, [row.networks], [20], SPREAD)
        assert found["power"].iloc[0] == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("contrast", "shift"), [("arm", 0.06), ("method", 0.03)])
def test_simulated_studies_reject_as_often(contrast, shift):
    world = World(networks=4, slope=0.0)
    studies = simulate(world, 4000, np.random.default_rng(1))
    estimate, se, df = analyses(studies, contrast)["total"]
    if contrast == "method":
        estimate = estimate - (studies.method_shift[:, 0] - studies.method_shift[:, 1])
    rejected = np.mean(np.abs(estimate + shift) > stats.t.ppf(0.975, df) * se)
    row = power_table(shift, [4], [50], SPREAD, contrast=contrast, cells=6, depths=3).iloc[0]
    assert row["df"] == df
    assert row["se"] == pytest.approx(np.std(estimate), rel=0.04)
    assert row["power"] == pytest.approx(rejected, abs=0.025)


def test_the_price_of_a_covariate():
    world = World(networks=4, gap=0.5, slope=0.0)
    estimate, se, df = analyses(simulate(world, 4000, np.random.default_rng(2)), "arm")["adjusted"]
    row = power_table(0.06, [4], [50], SPREAD, cells=6, depths=3, covariate=True, gap=1.0).iloc[0]
    assert row["df"] == df
    assert row["se"] == pytest.approx(np.sqrt(np.mean(se**2)), rel=0.03)
    assert row["se"] == pytest.approx(np.std(estimate), rel=0.04)
    plain = power_table(0.06, [4], [50], SPREAD, cells=6, depths=3).iloc[0]
    assert row["power"] < plain["power"]


def test_more_is_better_and_samples_saturate():
    rows = power_table(0.1, [3, 5, 10], [10, 100, 100_000], SPREAD).pivot(
        index="networks", columns="samples", values="power"
    )
    assert (np.diff(rows, axis=0) > 0).all()
    assert (np.diff(rows, axis=1) > 0).all()
    assert rows.loc[3, 100_000] < 0.6


def test_one_network_a_cell_has_no_power():
    row = power_table(0.1, [1], [10], SPREAD).iloc[0]
    assert (row["df"], np.isnan(row["power"])) == (0, True)


def test_spread_of_a_pilot(study):
    components = variance_components(read_scores(study))
    spread = Spread.of(components)
    assert spread.network == pytest.approx(np.sqrt(components.variance("network")))
    assert spread == Spread.of(compare(study).components)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effect": 0}, "must be positive"),
        ({"networks": [0]}, "1 or more"),
        ({"cells": 3, "depths": 2}, "cannot hold two arms"),
        ({"explained": 1.0}, "explained must lie"),
        ({"contrast": "depth"}, "'arm' or 'method'"),
    ],
)
def test_refused(options, message):
    with pytest.raises(StatisticsError, match=message):
        power_table(**{"effect": 0.1, "networks": [3], "samples": [10], "spread": SPREAD, **options})


@pytest.mark.parametrize("values", [(-0.1, 0, 0, 0), (0, 0, 0, 0), (np.nan, 0, 0, 0)])
def test_impossible_spread(values):
    with pytest.raises(StatisticsError):
        Spread(*values)


def test_figure_has_a_line_for_each_number_of_samples():
    table = power_table(0.1, [3, 5], [10, 100], SPREAD)
    lines = power_figure(table, 0.1).axes[0].get_lines()
    np.testing.assert_allclose(lines[1].get_ydata(), table.loc[table["samples"] == 100, "power"])
