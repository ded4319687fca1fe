"""Many contrasts at once: Holm, false discovery rate, and simultaneous intervals from the multivariate t."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import optimize, stats

_DRAWS = 2**15
_SEED = 20240917


def adjusted(p: np.ndarray, method: Literal["holm", "fdr_bh"]) -> np.ndarray:
    """Return p adjusted by ``"holm"`` or ``"fdr_bh"`` (Benjamini-Hochberg); NaN stays, and is not counted.

    Holm, Scand. J. Stat. 6, 65 (1979); Benjamini and Hochberg, J. R. Stat. Soc. B 57, 289 (1995). Not statsmodels'
    ``multipletests``: it collects all garbage at every call, which took two thirds of the time of an analysis.
    """
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    count = len(order)
    ranks = np.arange(1, count + 1)
    result = np.full(len(p), np.nan)
    if method == "holm":
        result[order] = np.maximum.accumulate(p[order] * (count + 1 - ranks))
    else:
        result[order] = np.minimum.accumulate((p[order] * count / ranks)[::-1])[::-1]
    return np.minimum(result, 1.0)


def correlation(covariance: np.ndarray) -> np.ndarray:
    """Return the correlation matrix of a covariance matrix; rows without variance become NaN."""
    spread = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(covariance / np.outer(spread, spread))


def _largest(correlations: np.ndarray) -> np.ndarray:
    """Return quasi-random draws of max |Z|, Z normal with the given correlations (singular ones too)."""
    value, vector = np.linalg.eigh(correlations)
    used = value > 1e-10 * value.max()
    root = vector[:, used] * np.sqrt(value[used])
    uniform = stats.qmc.Sobol(int(used.sum()), seed=_SEED).random(_DRAWS)
    return np.asarray(np.abs(stats.norm.ppf(np.clip(uniform, 1e-12, 1 - 1e-12)) @ root.T).max(axis=1))


def _exceedance(largest: np.ndarray, df: float, bound: float) -> float:
    """P(max |T| > bound): the scale is integrated in closed form, the normal part by the draws."""
    if bound <= 0:
        return 1.0
    if not np.isfinite(df):
        return float((largest > bound).mean())
    return float(stats.chi2.cdf(df * (largest / bound) ** 2, df).mean())


def simultaneous(
    statistic: np.ndarray, covariance: np.ndarray, df: float, level: float = 0.95
) -> tuple[np.ndarray, float]:
    """Single-step p values and the critical value of simultaneous intervals, from the multivariate t.

    Parameters
    ----------
    statistic
        float64, (K,): t statistics of one family; NaN is left out of the family.
    covariance
        float64, (K, K): covariance of the estimates.
    df
        Degrees of freedom of t.
    level
        Joint coverage of the intervals.

    Returns
    -------
    p, critical
        P(max |T| > |t_k|) for each contrast, and the value that max |T| exceeds with probability 1 - level
        (NaN where the family is empty).

    Notes ----- Hothorn, Bretz and Westfall (2008), Biometrical Journal 50(3):346-363. The integral over the
    normal part uses 32,768 scrambled Sobol points with a fixed seed; the error of p is below about 0.001.
    """
    known = np.isfinite(statistic) & (np.diag(covariance) > 0)
    p = np.full(len(statistic), np.nan)
    if not known.any():
        return p, float("nan")
    if known.sum() == 1:
        p[known] = 2 * stats.t.sf(np.abs(statistic[known]), df)
        return p, float(stats.t.ppf((1 + level) / 2, df))
    largest = _largest(correlation(covariance[np.ix_(known, known)]))
    p[known] = [_exceedance(largest, df, abs(t)) for t in statistic[known]]
    single = float(stats.t.ppf((1 + level) / 2, df))
    bonferroni = float(stats.t.ppf(1 - (1 - level) / 2 / known.sum(), df))

    def miss(bound: float) -> float:
        return _exceedance(largest, df, bound) - (1 - level)

    return p, float(optimize.brentq(miss, single * 0.98, bonferroni * 1.02, xtol=1e-8))
