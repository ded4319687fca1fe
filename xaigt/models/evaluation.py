"""How well a network classifies: AUC with an interval, accuracy, d'."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[Any]


def auc(scores: Array, positive: Array) -> float:
    """Area under the ROC curve; ties count a half; NaN if a class is missing."""
    return auc_interval(scores, positive)[0]


def auc_interval(scores: Array, positive: Array, level: float = 0.95) -> tuple[float, float, float]:
    """AUC and its interval after DeLong, DeLong and Clarke-Pearson (1988), on the logit scale.

    Parameters
    ----------
    scores
        ``[N]``, larger for the positive class.
    positive
        ``[N]``, bool.

    Returns
    -------
    tuple of float
        AUC, lower and upper end. At an AUC of 0 or 1 the variance is 0 and says nothing: the interval is then that of
        Hanley and McNeil (1982) at half a mis-ordered pair, cut off at 0 and 1.
    """
    one, zero = scores[positive].astype(np.float64), scores[~positive].astype(np.float64)
    m, n = len(one), len(zero)
    if not m or not n:
        return float("nan"), float("nan"), float("nan")
    ranks = stats.rankdata(np.concatenate([one, zero]))
    over = (ranks[:m] - stats.rankdata(one)) / n  # share of negatives below each positive
    under = 1 - (ranks[m:] - stats.rankdata(zero)) / m
    value = float(over.mean())
    centre = min(max(value, 0.5 / (m * n)), 1 - 0.5 / (m * n))
    variance = (over.var(ddof=1) / m if m > 1 else 0.0) + (under.var(ddof=1) / n if n > 1 else 0.0)
    quantile = stats.norm.ppf(0.5 + level / 2)
    if variance == 0:
        q1, q2 = centre / (2 - centre), 2 * centre**2 / (1 + centre)
        variance = (centre * (1 - centre) + (m - 1) * (q1 - centre**2) + (n - 1) * (q2 - centre**2)) / (m * n)
        reach = float(quantile * np.sqrt(variance))
        return value, max(centre - reach, 0.0), min(centre + reach, 1.0)
    reach = quantile * np.sqrt(variance) / (centre * (1 - centre))
    ends = 1 / (1 + np.exp(-(np.log(centre / (1 - centre)) + np.array([-reach, reach]))))
    return value, float(ends[0]), float(ends[1])


def dprime(scores: Array, positive: Array) -> float:
    """Separation of two equal normal distributions with this AUC: sqrt(2) times its normal quantile.

    AUCs of 0 and 1 are moved by half a mis-ordered pair, so that the result is finite.
    """
    pairs = int(positive.sum()) * int((~positive).sum())
    if not pairs:
        return float("nan")
    return float(np.sqrt(2) * stats.norm.ppf(np.clip(auc(scores, positive), 0.5 / pairs, 1 - 0.5 / pairs)))


def summary(probabilities: Array, targets: Array, multi_label: bool) -> dict[str, float | int]:
    """Figures of one split.

    Parameters
    ----------
    probabilities
        ``[N, K]``: of each class (two columns for a one-logit head), or of each label.
    targets
        ``[N]`` classes, or ``[N, K]`` labels.

    Returns
    -------
    dict
        samples, accuracy, auc (mean over classes or labels where there are several; with auc_low, auc_high and dprime
        where there are two classes). NaN where a class is missing.
    """
    kinds = probabilities.shape[1]
    result: dict[str, float | int] = {"samples": len(targets)}
    if multi_label:
        hits = (probabilities > 0.5) == (targets > 0.5)
        result["accuracy"] = float(hits.mean())
        result["auc"] = float(np.mean([auc(probabilities[:, k], targets[:, k] > 0.5) for k in range(kinds)]))
        return result
    result["accuracy"] = float((probabilities.argmax(1) == targets).mean())
    if kinds == 2:
        value, low, high = auc_interval(probabilities[:, 1], targets == 1)
        separation = dprime(probabilities[:, 1], targets == 1)
        return result | {"auc": value, "auc_low": low, "auc_high": high, "dprime": separation}
    return result | {"auc": float(np.mean([auc(probabilities[:, k], targets == k) for k in range(kinds)]))}
