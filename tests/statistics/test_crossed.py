"""Variance over networks and samples: the quasi-F of a two-way table by hand, and what drops out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xaigt.statistics import compare


def test_two_methods_by_hand():
    """Differences d[n, s]: V = (MS_n + MS_s - MS_ns) / (N S), df by Satterthwaite."""
    difference = np.random.default_rng(0).normal(size=(5, 7)) + np.arange(5)[:, None] / 3 + np.arange(7) / 2
    n, m, s = np.indices((5, 2, 7))
    values = np.stack([difference, np.zeros_like(difference)], axis=1)
    table = pd.DataFrame({"network_id": n.ravel(), "method": m.ravel(), "sample": s.ravel(), "value": values.ravel()})
    row = compare(table, factors=["method"], covariate=None, generalize="samples").contrasts("method").iloc[0]
    rows, columns = difference.mean(axis=1), difference.mean(axis=0)
    rest = difference - rows[:, None] - columns + difference.mean()
    parts = [rows.var(ddof=1) / 5, columns.var(ddof=1) / 7, (rest**2).sum() / (4 * 6) / 35]
    variance = parts[0] + parts[1] - parts[2]
    df = variance**2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 6 + parts[2] ** 2 / 24)
    assert row["estimate"] == pytest.approx(difference.mean())
    assert row["se"] == pytest.approx(np.sqrt(variance))
    assert row["df"] == pytest.approx(df)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(difference.mean()) / np.sqrt(variance), df))


def test_arms_hardly_change_and_methods_widen(study):
    here, beyond = compare(study), compare(study, generalize="samples")
    for factor in ("arm", "method"):
        one, two = (result.contrasts(factor) for result in (here, beyond))
        np.testing.assert_allclose(one["estimate"], two["estimate"])
        assert (two["se"] >= one["se"] - 1e-12).all()
    assert "new samples too" in beyond.assumptions[0]
    assert "these samples" in here.assumptions[0]
