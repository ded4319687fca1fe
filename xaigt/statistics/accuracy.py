"""Accuracy, AUC and d' of each network with standard errors, from samples that are not scored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from xaigt.statistics.findings import StatisticsError, listed
from xaigt.statistics.table import require


def dprime(hits: int, positives: int, false_alarms: int, negatives: int) -> tuple[float, float]:
    """Sensitivity index d' = z(hit rate) - z(false-alarm rate), and its standard error.

    Rates are (count + 0.5) / (total + 1), so that perfect networks have a finite d' (Hautus 1995, Behavior
    Research Methods 27:46-51). Standard error: Gourevitch and Galanter (1967), Psychometrika 32:25-33.

    Parameters
    ----------
    hits, positives
        Positives called positive, and all positives.
    false_alarms, negatives
        Negatives called positive, and all negatives.

    Raises
    ------
    StatisticsError
        If a class is empty or a count exceeds its total.
    """
    if positives < 1 or negatives < 1:
        raise StatisticsError(f"d' needs both classes, got {positives} positives and {negatives} negatives")
    if not (0 <= hits <= positives and 0 <= false_alarms <= negatives):
        raise StatisticsError(f"{hits} of {positives} hits and {false_alarms} of {negatives} false alarms cannot be")
    rates = np.array([(hits + 0.5) / (positives + 1), (false_alarms + 0.5) / (negatives + 1)])
    z = stats.norm.ppf(rates)
    variance = rates * (1 - rates) / (np.array([positives, negatives]) * stats.norm.pdf(z) ** 2)
    return float(z[0] - z[1]), float(np.sqrt(variance.sum()))


def auc(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve (ties count one half) and its standard error by DeLong et al. (1988).

    Parameters
    ----------
    scores
        float, (n,): higher for class 1.
    labels
        0 or 1, (n,).
    """
    labels = np.asarray(labels).astype(bool)
    positive, negative = np.asarray(scores, float)[labels], np.asarray(scores, float)[~labels]
    m, n = len(positive), len(negative)
    if m < 2 or n < 2:
        raise StatisticsError(f"an AUC with a standard error needs two of each class, got {m} and {n}")
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - stats.rankdata(positive)) / n
    below = 1 - (ranks[m:] - stats.rankdata(negative)) / m
    return float(above.mean()), float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))


def performance(
    predictions: pd.DataFrame,
    *,
    unit: str = "network_id",
    sample: str = "sample",
    label: str = "label",
    score: str = "score",
    threshold: float = 0.5,
    scored: Iterable[object] | None = None,
) -> pd.DataFrame:
    """Accuracy of each network: the covariates of :func:`xaigt.statistics.compare`, with standard errors.

    Parameters
    ----------
    predictions
        One row a network and sample.
    unit, sample, label, score
        Columns of the network, the sample, the true class (0 or 1) and the predicted score of class 1.
    threshold
        Scores at or above it are called class 1.
    scored
        Samples whose explanations are scored: none may occur in `predictions`. If the covariate came from the
        same samples, an image that is easy for a network would raise its accuracy and its score together.

    Returns
    -------
    pandas.DataFrame
        One row a network: ``n, accuracy, accuracy_se, accuracy_logit, accuracy_logit_se, auc, auc_se, dprime,
        dprime_se``. The logit uses (correct + 0.5) / (wrong + 0.5).

    Raises
    ------
    StatisticsError
        If samples are scored too, labels are not 0 or 1, or a network lacks a class.
    """
    require(predictions, [unit, sample, label, score], "the table of predictions")
    if scored is not None:
        both = sorted(set(predictions[sample]) & set(scored), key=str)
        if both:
            raise StatisticsError(
                f"{len(both)} samples are used both for accuracy and for scores ({listed(both)}); keep them "
                f"apart, such as with split_samples"
            )
    if not predictions[label].isin([0, 1]).all():
        raise StatisticsError(f"column {label!r} must hold 0 or 1 only")
    if predictions[score].isna().any():
        raise StatisticsError(f"column {score!r} is missing in {int(predictions[score].isna().sum())} rows")
    rows = []
    for name, group in predictions.groupby(unit, sort=True, observed=True):
        truth = group[label].to_numpy().astype(bool)
        if truth.all() or not truth.any():
            raise StatisticsError(f"{unit} {name!r} has samples of one class only; d' and AUC need both")
        value = group[score].to_numpy(dtype=np.float64)
        called = value >= threshold
        n, right = len(truth), int((called == truth).sum())
        d, d_se = dprime(
            int((called & truth).sum()), int(truth.sum()), int((called & ~truth).sum()), int((~truth).sum())
        )
        area, area_se = auc(value, truth)
        share = right / n
        odds = (right + 0.5) / (n - right + 0.5)
        rows.append(
            {
                unit: name,
                "n": n,
                "accuracy": share,
                "accuracy_se": np.sqrt(share * (1 - share) / n),
                "accuracy_logit": np.log(odds),
                "accuracy_logit_se": np.sqrt(1 / (right + 0.5) + 1 / (n - right + 0.5)),
                "auc": area,
                "auc_se": area_se,
                "dprime": d,
                "dprime_se": d_se,
            }
        )
    return pd.DataFrame(rows)


def split_samples(samples: Iterable[object], share: float = 0.5, salt: str = "") -> pd.Series:
    """Split samples into those whose explanations are scored and those that accuracy is measured on.

    The half hangs on the sample's own name (SHA-256), so it stays the same whatever other samples there are.

    Parameters
    ----------
    samples
        Sample identifiers; repeats are allowed.
    share
        Expected share of samples that are scored.
    salt
        Another text gives another split.

    Returns
    -------
    pandas.Series
        ``"score"`` or ``"accuracy"`` for each sample, indexed by it.
    """
    if not 0 < share < 1:
        raise StatisticsError(f"share must lie between 0 and 1, got {share}")
    unique = pd.Index(list(samples)).unique()
    place = [int.from_bytes(hashlib.sha256(f"{salt}|{name}".encode()).digest()[:8]) / 2**64 for name in unique]
    return pd.Series(np.where(np.array(place) < share, "score", "accuracy"), index=unique, name="use")
