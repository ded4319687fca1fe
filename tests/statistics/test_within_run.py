"""Slopes between runs and within them: a table in which they point in opposite directions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xaigt.statistics import StatisticsError, preset_checkpoints, slopes


def checkpoints(between=0.5, within=-0.25, noise=0.02, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for run in range(10):
        centre = rng.normal(2, 0.5)
        for step, offset in enumerate((-0.4, 0.0, 0.4)):
            accuracy = centre + offset
            for method in ("x", "y"):
                level = between * centre + within * offset + 0.1 * (method == "y")
                for sample in range(3):
                    value = level + noise * rng.normal()
                    rows.append((f"r{run}", f"r{run}c{step}", "ab"[run % 2], method, sample, value, accuracy))
    names = ["network_id", "checkpoint_id", "arm", "method", "sample", "value", "dprime"]
    return pd.DataFrame(rows, columns=names)


def test_the_two_slopes_are_kept_apart():
    rows = slopes(checkpoints(), factors=["arm", "method"]).set_index(["repeated", "slope"])
    assert rows.loc[("mean", "between"), "estimate"] == pytest.approx(0.5, abs=0.03)
    assert rows.loc[("mean", "within"), "estimate"] == pytest.approx(-0.25, abs=0.03)
    assert rows.loc[("mean", "between - within"), "p"] < 1e-3
    assert rows.loc[("x", "between"), "low"] < 0.5 < rows.loc[("x", "between"), "high"]
    assert set(rows.index.get_level_values(0)) == {"mean", "x", "y"}


def test_within_slope_is_the_mean_of_the_runs_own_slopes():
    """Equal spread in every run: the pooled slope is the plain mean of ten regressions."""
    table = checkpoints(noise=0.1)
    own = table[table["method"] == "x"].groupby(["network_id", "checkpoint_id"])[["value", "dprime"]].mean()
    each = [np.polyfit(group["dprime"], group["value"], 1)[0] for _, group in own.groupby("network_id")]
    rows = slopes(table, factors=["arm", "method"]).set_index(["repeated", "slope"])
    row = rows.loc[("x", "within")]
    assert row["estimate"] == pytest.approx(np.mean(each))
    # Independent deviations within runs: CR2 is the variance of a mean of ten, df 9.
    assert row["se"] == pytest.approx(np.std(each, ddof=1) / np.sqrt(10), rel=1e-6)
    assert row["df"] == pytest.approx(9, rel=1e-6)


def test_refusals():
    table = checkpoints()
    with pytest.raises(StatisticsError, match="no slope within runs"):
        slopes(table[table["checkpoint_id"].str.endswith("c1")], factors=["arm", "method"])
    with pytest.raises(StatisticsError, match="must name one checkpoint of one run"):
        slopes(
            table.assign(checkpoint_id=table["checkpoint_id"].str[-2:], sample=range(len(table))),
            factors=["method"],
        )
    with pytest.raises(StatisticsError, match="same methods"):
        slopes(table.drop(table.index[:3]), factors=["arm", "method"])


def test_checkpoints_at_preset_accuracies():
    table = pd.DataFrame(
        {
            "network_id": ["a"] * 4 + ["b"] * 2,
            "checkpoint_id": ["a0", "a1", "a2", "a3", "b0", "b1"],
            "val_accuracy": [0.5, 0.71, 0.79, 0.9, 0.6, 0.72],
        }
    )
    rows = preset_checkpoints(table, [0.9, 0.7, 0.8], tolerance=0.03)
    assert rows["target"].tolist() == [0.7, 0.8, 0.9] * 2
    assert rows["checkpoint_id"].where(rows["checkpoint_id"].notna(), "").tolist() == [
        "a1",
        "a2",
        "a3",
        "b1",
        "",
        "",
    ]
    assert rows["val_accuracy"].isna().tolist() == [False] * 4 + [True] * 2
    with pytest.raises(StatisticsError, match="positive tolerance"):
        preset_checkpoints(table, [0.7], tolerance=0)
