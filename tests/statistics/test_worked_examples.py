"""Published examples of adjusted means, and closed forms of balanced designs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xaigt.statistics import compare
from xaigt.statistics.multiplicity import simultaneous

# Snedecor and Cochran (1967), Statistical Methods, 6th edition, page 422: leprosy bacilli before and after treatment
# with two antibiotics (A, D) and a control (F). Least-squares means as printed in the SAS/STAT User's Guide, PROC GLM,
# example "Analysis of Covariance".
LEPROSY = {
    "A": [(11, 6), (8, 0), (5, 2), (14, 8), (19, 11), (6, 4), (10, 13), (6, 1), (11, 8), (3, 0)],
    "D": [(6, 0), (6, 2), (7, 3), (8, 1), (18, 18), (8, 4), (19, 14), (8, 9), (5, 1), (15, 9)],
    "F": [(16, 13), (13, 10), (11, 18), (9, 5), (21, 23), (16, 12), (12, 5), (12, 16), (7, 1), (12, 20)],
}
LEPROSY_MEANS = {"A": (6.7149635, 1.2884943), "D": (6.8239348, 1.2724690), "F": (10.1611017, 1.3159234)}

# Montgomery, Design and Analysis of Experiments, chapter on the analysis of covariance: breaking strength of a fibre
# (pounds) against its diameter, three machines; adjusted means 40.38, 41.42 and 38.80.
FIBRE = {
    "1": [(20, 36), (25, 41), (24, 39), (25, 42), (32, 49)],
    "2": [(22, 40), (28, 48), (22, 39), (30, 45), (28, 44)],
    "3": [(21, 35), (23, 37), (26, 42), (21, 34), (15, 32)],
}
FIBRE_MEANS = {"1": 40.38, "2": 41.42, "3": 38.80}


def table_of(groups):
    rows = [(name, x, y) for name, pairs in groups.items() for x, y in pairs]
    frame = pd.DataFrame(rows, columns=["group", "x", "value"])
    return frame.assign(network_id=range(len(frame)), sample=0)


def test_leprosy():
    result = compare(table_of(LEPROSY), factors=["group"], covariate="x")
    means = result.means(analysis="adjusted").set_index("group")
    for name, (mean, se) in LEPROSY_MEANS.items():
        assert means.loc[name, "estimate"] == pytest.approx(mean, abs=5e-8)
        assert means.loc[name, "se"] == pytest.approx(se, abs=5e-8)
    fit = result.fits["adjusted"]
    assert fit.residual_df == 26
    assert fit.residual_covariance[0, 0] == pytest.approx(16.046254, abs=5e-7)


def test_fibre():
    means = compare(table_of(FIBRE), factors=["group"], covariate="x").means(analysis="adjusted").set_index("group")
    for name, mean in FIBRE_MEANS.items():
        assert means.loc[name, "estimate"] == pytest.approx(mean, abs=5e-3)


def test_two_arms_without_a_covariate_are_students_t():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"arm": list("ab") * 6, "value": rng.normal(size=12), "network_id": range(12), "sample": 0})
    row = compare(table, factors=["arm"], covariate=None).contrasts("arm").iloc[0]
    a, b = (table.loc[table["arm"] == name, "value"] for name in "ab")
    expected = stats.ttest_ind(a, b)
    assert (row["t"], row["p"], row["df"]) == pytest.approx((expected.statistic, expected.pvalue, 10))
    interval = expected.confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_two_methods_of_the_same_networks_are_a_paired_t(study):
    one = study[study["arm"] == "a"]
    row = compare(one, factors=["method"], covariate=None).contrasts("method").iloc[0]
    means = one.pivot_table(index="network_id", columns="method", values="value")
    expected = stats.ttest_rel(means["m0"], means["m1"])
    assert (row["t"], row["p"], row["df"]) == pytest.approx((expected.statistic, expected.pvalue, expected.df))


def test_balanced_covariance_by_hand():
    """The adjusted difference is (difference of means) - (pooled slope) x (difference of accuracy)."""
    groups = {"a": [(1, 2.0), (2, 4.5), (3, 5.0)], "b": [(2, 1.0), (3, 2.0), (4, 4.5)]}
    row = compare(table_of(groups), factors=["group"], covariate="x").contrasts("group").iloc[0]
    slope = ((-1 * 2.0 + 1 * 5.0) + (-1 * 1.0 + 1 * 4.5)) / 4  # sums of products over sums of squares, 2 + 2
    assert row["estimate"] == pytest.approx((11.5 - 7.5) / 3 - slope * (2 - 3))
    a, b = np.array([2.0, 4.5, 5.0]), np.array([1.0, 2.0, 4.5])
    line = slope * np.array([-1, 0, 1])
    rss = ((a - a.mean() - line) ** 2).sum() + ((b - b.mean() - line) ** 2).sum()
    assert row["se"] == pytest.approx(np.sqrt(rss / 3 * (2 / 3 + 1 / 4)))


def test_all_pairs_are_tukeys(study):
    """Balanced and independent: the multivariate t of all pairs is the studentized range."""
    statistic = np.array([1.0, 2.5, 1.5])
    covariance = np.array([[2.0, 1, -1], [1, 2, 1], [-1, 1, 2]])
    p, critical = simultaneous(statistic, covariance, 12)
    np.testing.assert_allclose(p, stats.studentized_range.sf(statistic * np.sqrt(2), 3, 12), atol=5e-4)
    assert critical == pytest.approx(stats.studentized_range.ppf(0.95, 3, 12) / np.sqrt(2), abs=3e-3)


def test_trend_is_the_slope_of_the_means(study):
    result = compare(study, covariate=None)
    means = result.means("depth")["estimate"].to_numpy()
    row = result.contrasts("depth", "trend").iloc[0]
    assert row["estimate"] == pytest.approx(np.polyfit([1, 2, 3], means, 1)[0])


def test_naive_is_the_regression_of_single_samples(study):
    import statsmodels.formula.api as smf

    naive = compare(study).contrasts("arm", by="method", analysis="naive").iloc[0]
    fit = smf.ols("value ~ C(arm, Treatment('b')) * C(depth, Sum) * method", study).fit()
    assert naive["se"] == pytest.approx(fit.bse["C(arm, Treatment('b'))[T.a]"])
    assert naive["estimate"] == pytest.approx(fit.params["C(arm, Treatment('b'))[T.a]"])


def test_incomplete_table_gives_the_naive_regression_too(study):
    """Own samples: the naive fit is still that of single rows (weights by count)."""
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(0)
    part = study[rng.random(len(study)) < 0.8]
    naive = compare(part, samples="own").contrasts("arm", by="method", analysis="naive").iloc[0]
    fit = smf.ols("value ~ C(arm, Treatment('b')) * C(depth, Sum) * method", part).fit()
    assert naive["estimate"] == pytest.approx(fit.params["C(arm, Treatment('b'))[T.a]"])
    assert naive["se"] == pytest.approx(fit.bse["C(arm, Treatment('b'))[T.a]"])
