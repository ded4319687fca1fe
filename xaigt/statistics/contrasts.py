"""Which differences are wanted: all pairs, against a control, or a trend over ordered levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from xaigt.errors import nearest
from xaigt.statistics import multiplicity
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.fits import Fit, estimable, estimates

Kind = Literal["pairs", "control", "trend"]


@dataclass(frozen=True)
class Estimand:
    """Named estimates: `labels` has K rows, `weights` is (K, p, R)."""

    labels: pd.DataFrame
    weights: np.ndarray


def contrast_weights(known: Sequence[Any], kind: Kind = "pairs", reference: Any = None) -> tuple[list[str], np.ndarray]:
    """Return names and a (C, levels) matrix of weights that sum to zero.

    Parameters
    ----------
    known
        Levels of the factor, in order.
    kind
        ``"pairs"``: each level minus each later one. ``"control"``: each other level minus `reference`.
        ``"trend"``: the least-squares slope over the levels (by their values if they are numbers, else 1, 2,
        ...).
    reference
        The control; the first level where None.

    Raises
    ------
    StatisticsError
        If there are fewer than two levels, or the reference is no level.
    """
    count = len(known)
    if count < 2:
        raise StatisticsError(f"a contrast needs two levels or more, got {list(known)}")
    unit = np.eye(count)
    if kind == "pairs":
        pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
        return [f"{known[i]} - {known[j]}" for i, j in pairs], np.array([unit[i] - unit[j] for i, j in pairs])
    if kind == "control":
        names = [str(level) for level in known]
        if reference is not None and str(reference) not in names:
            raise StatisticsError(f"the control {reference!r} is no level: {nearest(str(reference), names)}")
        base = names.index(str(reference)) if reference is not None else 0
        others = [i for i in range(count) if i != base]
        return [f"{known[i]} - {known[base]}" for i in others], unit[others] - unit[base]
    if kind == "trend":
        numeric = all(isinstance(level, (int, float, np.number)) and not isinstance(level, bool) for level in known)
        place = np.array(known if numeric else range(1, count + 1), dtype=np.float64)
        centred = place - place.mean()
        return ["trend (slope a unit)" if numeric else "trend (slope a level)"], (centred / (centred**2).sum())[None]
    raise StatisticsError(f"unknown kind of contrast {kind!r}: {nearest(str(kind), ['pairs', 'control', 'trend'])}")


def estimate_table(fit: Fit, wanted: Estimand, level: float) -> pd.DataFrame:
    """Return labels, estimate, se, df, low, high: one row an estimand, each interval by itself at `level`."""
    value = estimates(fit, wanted.weights)
    known = estimable(fit.design.matrix, wanted.weights)
    se = np.sqrt(np.clip(np.diag(fit.covariance(wanted.weights)), 0.0, None))
    # Residuals of constant scores are rounding errors: no spread to test against.
    size = np.abs(wanted.weights).max(axis=1) @ np.abs(fit.coefficients).max(axis=0)
    se = np.where(known & (se > 1e-10 * size), se, np.nan)
    df = np.where(known, fit.degrees_of_freedom(wanted.weights), np.nan)
    reach = stats.t.ppf((1 + level) / 2, df) * se
    numbers = {"estimate": value, "se": se, "df": df, "low": value - reach, "high": value + reach}
    return pd.concat([wanted.labels.reset_index(drop=True), pd.DataFrame(numbers)], axis=1)


def contrast_table(
    fit: Fit,
    wanted: Estimand,
    level: float = 0.95,
    family: Sequence[Any] | None = None,
    margin: float | None = None,
) -> pd.DataFrame:
    """Test estimands against zero, each by itself and as families.

    Parameters
    ----------
    fit, wanted
        The model, and the contrasts.
    level
        Coverage of the intervals.
    family
        For each contrast the family in which it is adjusted; None: all of them are one family.
    margin
        Differences no larger than this count as equivalent.

    Returns
    -------
    pandas.DataFrame
        The labels; ``estimate, se, df, t, p, low, high`` of each contrast by itself; ``p_holm``, ``p_fdr``
        (Benjamini-Hochberg), ``p_simultaneous``, ``low_simultaneous`` and ``high_simultaneous`` (multivariate
        t) in its family; with a margin ``equivalent``: whether the simultaneous interval lies within +-
        margin.
    """
    table = estimate_table(fit, wanted, level)
    statistic = (table["estimate"] / table["se"]).to_numpy()
    df = table["df"].to_numpy()
    table.insert(table.columns.get_loc("low"), "t", statistic)
    table.insert(table.columns.get_loc("low"), "p", 2 * stats.t.sf(np.abs(statistic), df))
    groups = np.zeros(len(table), dtype=int) if family is None else pd.factorize(pd.Index(family))[0]
    covariance = fit.covariance(wanted.weights)
    for column in ("p_holm", "p_fdr", "p_simultaneous", "low_simultaneous", "high_simultaneous"):
        table[column] = np.nan
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        p = table["p"].to_numpy()[own]
        table.loc[own, "p_holm"] = multiplicity.adjusted(p, "holm")
        table.loc[own, "p_fdr"] = multiplicity.adjusted(p, "fdr_bh")
        # Where the degrees of freedom differ (CR2), the smallest is used for all: conservative.
        smallest = np.nanmin(df[own]) if np.isfinite(df[own]).any() else np.nan
        together, critical = multiplicity.simultaneous(statistic[own], covariance[np.ix_(own, own)], smallest, level)
        estimate, se = table["estimate"].to_numpy()[own], table["se"].to_numpy()[own]
        table.loc[own, "p_simultaneous"] = together
        table.loc[own, "low_simultaneous"] = estimate - critical * se
        table.loc[own, "high_simultaneous"] = estimate + critical * se
    if margin is not None:
        if margin <= 0:
            raise StatisticsError(f"an equivalence margin must be positive, got {margin}")
        table["equivalent"] = (table["low_simultaneous"] > -margin) & (table["high_simultaneous"] < margin)
    return table
