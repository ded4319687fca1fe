"""Variance components: mean squares of a balanced table by hand, recovery, and degenerate cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xaigt.statistics import StatisticsError, mixed, read_scores, variance_components
from xaigt.statistics.simulation import World, simulate


def test_mean_squares_of_networks_x_samples_by_hand():
    """One method: two-way table without interaction replicates; classical expected mean squares."""
    values = np.array([[1.0, 4, 2, 7], [3, 5, 6, 9], [2, 8, 3, 12]])
    n, s = np.indices(values.shape)
    table = pd.DataFrame({"network_id": n.ravel(), "sample": s.ravel(), "value": values.ravel()})
    result = variance_components(read_scores(table, factors=[]))
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    rest = values - rows[:, None] - columns + values.mean()
    ms = {"r": 4 * rows.var(ddof=1), "c": 3 * columns.var(ddof=1), "e": (rest**2).sum() / 6}
    assert result.variance("residual") == pytest.approx(ms["e"])
    assert result.variance("network") == pytest.approx(max((ms["r"] - ms["e"]) / 4, 0))
    assert result.variance("sample") == pytest.approx((ms["c"] - ms["e"]) / 3)
    assert "network:method" not in result.table["component"].tolist()


def test_recovers_what_was_simulated():
    world = World(networks=40, samples=150, methods=4, slope=0.0)
    result = variance_components(read_scores(simulate(world, 1, np.random.default_rng(0)).table(0)))
    truth = {
        "network": 0.05,
        "network:method": 0.05,
        "sample": 0.1,
        "sample:method": 0.05,
        "network:sample": 0.05,
        "residual": 0.1,
    }
    for name, sd in truth.items():
        assert np.sqrt(result.variance(name)) == pytest.approx(sd, rel=0.12), name
    icc = result.icc.set_index("correlation")["value"]
    whole = sum(sd**2 for sd in truth.values())
    assert icc["network and method"] == pytest.approx(0.005 / whole, rel=0.25)
    assert icc["sample and method"] == pytest.approx(0.0125 / whole, rel=0.25)


def test_a_variance_of_zero_is_said(study):
    flat = study["value"] - study.groupby("network_id")["value"].transform("mean")
    result = variance_components(read_scores(study.assign(value=flat)))
    assert result.variance("network") == pytest.approx(0, abs=1e-12)
    assert "network" in " ".join(finding.sentence for finding in result.findings)
    assert (result.table["variance"] >= 0).all()


def test_no_convergence_gives_mean_squares_and_says_so(study, monkeypatch):
    honest = variance_components(read_scores(study))
    fit = mixed._fit
    monkeypatch.setattr(mixed, "_fit", lambda *arguments: (fit(*arguments)[0], ["did not converge"]))
    result = variance_components(read_scores(study))
    assert [finding.code for finding in result.findings].count("mixed_model") == 2
    assert "mean squares are given instead" in result.findings[0].sentence
    # Balanced and inside the boundary: REML and mean squares agree.
    np.testing.assert_allclose(result.table["variance"], honest.table["variance"], rtol=1e-4)


def test_runs_that_are_the_cells(study):
    result = variance_components(read_scores(study.assign(pretrain_id=study["arm"]), keep=["pretrain_id"]))
    assert "pretraining run" not in result.table["component"].tolist()
    assert "n = 1 run a cell" in result.findings[0].sentence


def test_incomplete_networks_and_samples_are_left_out(study):
    hole = (study["network_id"] == "n003") & (study["method"] == "m1")
    result = variance_components(read_scores(study[~hole]))
    expected = variance_components(read_scores(study[study["network_id"] != "n003"]))
    np.testing.assert_allclose(result.table["variance"], expected.table["variance"], rtol=1e-6)


def test_one_network_a_cell_has_no_components(study):
    with pytest.raises(StatisticsError, match="replicated cells"):
        variance_components(read_scores(study[study["network_id"].isin(["n000", "n012"])]))
