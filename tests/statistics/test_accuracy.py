"""Accuracy, AUC and d' with standard errors, and the split that keeps accuracy and scores apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xaigt.statistics import StatisticsError, dprime, performance, split_samples
from xaigt.statistics.accuracy import auc


def test_dprime_by_hand():
    value, se = dprime(79, 99, 19, 99)
    rates = np.array([79.5 / 100, 19.5 / 100])
    z = stats.norm.ppf(rates)
    assert value == pytest.approx(z[0] - z[1])
    assert se == pytest.approx(np.sqrt((rates * (1 - rates) / (99 * stats.norm.pdf(z) ** 2)).sum()))


def test_a_perfect_network_has_a_finite_dprime():
    value, se = dprime(50, 50, 0, 50)
    assert value == pytest.approx(2 * stats.norm.ppf(50.5 / 51))
    assert np.isfinite(se)


def test_standard_error_of_dprime_is_right_on_average():
    rng = np.random.default_rng(0)
    drawn = [dprime(h, 200, f, 200) for h, f in rng.binomial(200, [0.8, 0.2], (3000, 2))]
    values, errors = np.array(drawn).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.05)


@pytest.mark.parametrize("counts", [(5, 4, 0, 3), (1, 0, 0, 3), (-1, 4, 0, 3), (1, 4, 5, 3)])
def test_impossible_counts(counts):
    with pytest.raises(StatisticsError):
        dprime(*counts)


def test_auc_counts_pairs_and_halves_ties():
    scores, labels = np.array([0.9, 0.5, 0.5, 0.1, 0.4]), np.array([1, 1, 0, 0, 0])
    value, se = auc(scores, labels)
    pairs = np.array([[1.0, 1, 1], [0.5, 1, 1]])
    assert value == pytest.approx(pairs.mean())
    assert se == pytest.approx(np.sqrt(pairs.mean(1).var(ddof=1) / 2 + pairs.mean(0).var(ddof=1) / 3))


def predictions():
    rng = np.random.default_rng(2)
    label = np.tile([0, 1], 60)
    parts = [
        pd.DataFrame({"network_id": name, "sample": range(120), "label": label, "score": rng.normal(label * gap, 1)})
        for name, gap in (("weak", 0.5), ("strong", 2.0))
    ]
    return pd.concat(parts)


def test_performance_of_each_network():
    table = performance(predictions(), threshold=0.5).set_index("network_id")
    own = predictions().query("network_id == 'strong'")
    called = own["score"] >= 0.5
    assert table.loc["strong", "accuracy"] == pytest.approx((called == own["label"]).mean())
    assert table.loc["strong", "auc"] == pytest.approx(auc(own["score"], own["label"])[0])
    hits, alarms = (called & (own["label"] == 1)).sum(), (called & (own["label"] == 0)).sum()
    assert table.loc["strong", "dprime"] == pytest.approx(dprime(hits, 60, alarms, 60)[0])
    assert (table.loc["strong"] > table.loc["weak"])[["accuracy", "auc", "dprime", "accuracy_logit"]].all()


def test_samples_that_are_scored_are_refused():
    with pytest.raises(StatisticsError, match=r"2 samples are used both .*\(3, 5\)"):
        performance(predictions(), scored=[3, 5, 700])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(label=1), "one class only"),
        (lambda t: t.assign(label=t["label"] + 1), "0 or 1 only"),
        (lambda t: t.assign(score=np.nan), "missing in 240 rows"),
        (lambda t: t.drop(columns="label"), "no column 'label'"),
    ],
)
def test_bad_predictions(change, message):
    with pytest.raises(StatisticsError, match=message):
        performance(change(predictions()))


def test_split_hangs_on_the_sample_alone():
    names = [f"s{i}" for i in range(2000)]
    split = split_samples(names)
    assert split.loc[names[5:9]].equals(split_samples(reversed(names[5:9])).loc[names[5:9]])
    assert (split == "score").mean() == pytest.approx(0.5, abs=0.05)
    assert (split_samples(names, 0.2) == "score").mean() == pytest.approx(0.2, abs=0.04)
    assert not split.equals(split_samples(names, salt="other"))
    with pytest.raises(StatisticsError, match="share"):
        split_samples(names, 1.5)
