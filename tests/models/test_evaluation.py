"""AUC, its interval and d' against values by hand and against scikit-learn."""

import numpy as np
import pytest

from xaigt.models.evaluation import auc, auc_interval, dprime, summary


def test_auc_by_hand_with_a_tie():
    """Positives .9 .5, negatives .5 .1: pairs win, win, tie, win: 3.5 of 4."""
    scores, positive = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert auc(scores, positive) == 3.5 / 4
    assert np.isnan(auc(scores, np.ones(4, bool)))


def test_auc_is_that_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(10):
        scores, positive = rng.integers(0, 8, 50).astype(float), rng.random(50) < 0.4
        assert auc(scores, positive) == pytest.approx(sklearn.roc_auc_score(positive, scores), abs=1e-12)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    """Two normals, d' 1, AUC .760: 95 % intervals cover it in 92 to 98 % of 500 draws of 40 + 40."""
    rng = np.random.default_rng(1)
    positive = np.arange(80) < 40
    hits = 0
    for _ in range(500):
        _, low, high = auc_interval(rng.normal(positive * 1.0, 1), positive)
        hits += low <= 0.7602 <= high
    assert 0.92 <= hits / 500 <= 0.98


def test_perfect_separation_has_a_finite_interval_and_dprime():
    scores, positive = np.arange(20.0), np.arange(20) >= 10
    value, low, high = auc_interval(scores, positive)
    assert value == 1
    assert 0.9 < low < high <= 1
    assert 3 < dprime(scores, positive) < 5


def test_dprime_of_an_auc():
    """AUC .75 (3 of 4 pairs): sqrt(2) * .6745."""
    found = dprime(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    assert found == pytest.approx(np.sqrt(2) * 0.67449, abs=1e-4)


def test_summary_of_labels():
    chances, targets = np.array([[0.9, 0.2], [0.1, 0.6]]), np.array([[1, 1], [0, 0]])
    assert summary(chances, targets, True) == {"samples": 2, "accuracy": 0.5, "auc": 0.5}
