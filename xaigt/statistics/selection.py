"""Selections by correctness: samples that all networks get right, and correct against incorrect ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from xaigt.statistics.analysis import compare
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.multiplicity import adjusted
from xaigt.statistics.table import require


@dataclass(frozen=True)
class JointlyCorrect:
    """The sensitivity analysis on samples that every network classifies correctly.

    Attributes
    ----------
    contrasts
        ``samples`` (``all`` or ``jointly correct``), the labels, ``estimate, se, df, t, p, low, high``.
    kept, total
        Number of samples kept, and of all.
    worst
        One row a network, worst first: ``network, correct`` (share of samples), ``lost_by_it_alone`` (samples
        that only this network gets wrong), ``kept_so_far`` (samples that are left when the networks down to
        this one, best first, are in the grid).
    sentence
        What the selection did.
    """

    contrasts: pd.DataFrame
    kept: int
    total: int
    worst: pd.DataFrame
    sentence: str


def _correctness(table: pd.DataFrame, unit: str, sample: str, correct: str) -> pd.DataFrame:
    """Networks x samples, True where classified correctly; refuse what is missing or contradicts itself."""
    require(table, [unit, sample, correct], "the score table")
    if table[correct].isna().any():
        raise StatisticsError(f"column {correct!r} is missing in {int(table[correct].isna().sum())} rows")
    pairs = table[[unit, sample, correct]].astype({correct: bool}).drop_duplicates()
    twice = pairs.duplicated([unit, sample])
    if twice.any():
        row = pairs[twice].iloc[0]
        raise StatisticsError(f"{correct!r} is both true and false for {unit} {row[unit]!r}, sample {row[sample]!r}")
    grid = pairs.pivot(index=unit, columns=sample, values=correct)
    if grid.isna().any(axis=None):
        grid = grid.dropna(axis=1)
    if grid.shape[1] == 0:
        raise StatisticsError("no sample was classified by every network")
    return grid.astype(bool)


def jointly_correct(
    table: pd.DataFrame,
    factor: str = "arm",
    *,
    kind: Any = "pairs",
    reference: Any = None,
    by: Sequence[str] = (),
    unit: str = "network_id",
    sample: str = "sample",
    correct: str = "correct",
    analysis: str = "total",
    **options: Any,
) -> JointlyCorrect:
    """Repeat a comparison on the samples that every network classifies correctly, beside all samples.

    A selection by an outcome: the worst network sets it, and it moves when the grid grows. So it is a
    sensitivity analysis, not the result.

    Parameters
    ----------
    table
        A score table with the column `correct`.
    factor, kind, reference, by, analysis
        As for :meth:`xaigt.statistics.Comparison.contrasts`.
    unit, sample, correct
        Columns of the network, of the sample, and of whether the network classified it correctly.
    **options
        Passed to :func:`xaigt.statistics.compare`.

    Raises
    ------
    StatisticsError
        If no sample is classified correctly by every network.
    """
    grid = _correctness(table, unit, sample, correct)
    joint = grid.columns[grid.all(axis=0)]
    order = grid.mean(axis=1).sort_values(kind="stable")
    alone = grid.loc[order.index].eq(False) & (grid.eq(False).sum(axis=0) == 1)
    best_first = grid.loc[order.index[::-1]].to_numpy()
    running = np.logical_and.accumulate(best_first, axis=0).sum(axis=1)[::-1]
    worst = pd.DataFrame(
        {
            "network": order.index,
            "correct": order.to_numpy(),
            "lost_by_it_alone": alone.sum(axis=1).to_numpy(),
            "kept_so_far": running,
        }
    )
    if len(joint) == 0:
        raise StatisticsError(
            f"no sample is classified correctly by all {len(grid)} networks; the worst, {order.index[0]!r}, "
            f"is right on {order.iloc[0]:.0%}"
        )
    options = {"unit": unit, "sample": sample, **options}
    if analysis == "total":
        options.setdefault("covariate", None)
    parts = []
    for name, chosen in (("all", grid.columns), ("jointly correct", joint)):
        result = compare(table[table[sample].isin(chosen)], **options)
        part = result.contrasts(factor, kind, reference=reference, by=by, analysis=analysis).loc[:, :"high"]
        part.insert(0, "samples", name)
        parts.append(part)
    sentence = (
        f"{len(joint)} of {grid.shape[1]} samples ({len(joint) / grid.shape[1]:.0%}) are classified "
        f"correctly by all {len(grid)} networks; the worst network, {order.index[0]} ({order.iloc[0]:.0%} "
        f"correct), alone takes away {int(worst['lost_by_it_alone'].iloc[0])}. The selection depends on the "
        f"grid: a sensitivity analysis only."
    )
    return JointlyCorrect(pd.concat(parts, ignore_index=True), len(joint), grid.shape[1], worst, sentence)


def correct_against_incorrect(
    table: pd.DataFrame,
    *,
    score: str = "value",
    by: Sequence[str] = ("method",),
    unit: str = "network_id",
    sample: str = "sample",
    correct: str = "correct",
    level: float = 0.95,
) -> pd.DataFrame:
    """Difference of the score between samples that a network classifies correctly and those it does not.

    Each network gives one difference (mean of correct minus mean of incorrect samples); t with networks - 1
    degrees of freedom. Incorrect samples are harder ones, so this says where scores differ, not that errors
    cause it.

    Returns
    -------
    pandas.DataFrame
        ``by``, ``networks`` (that have both kinds), ``left_out``, ``correct, incorrect`` (mean number of
        samples a network), ``estimate, se, df, t, p, low, high, p_holm``.
    """
    by = list(by)
    require(table, [unit, sample, score, correct, *by], "the score table")
    _correctness(table, unit, sample, correct)
    used = table.dropna(subset=[score])
    kind = np.where(used[correct].astype(bool), "correct", "incorrect")
    grouped = used[score].groupby([*(used[name] for name in (*by, unit)), pd.Series(kind, used.index)], observed=True)
    cells = (
        grouped.agg(["mean", "size"])
        .unstack()
        .reindex(columns=pd.MultiIndex.from_product([["mean", "size"], ["correct", "incorrect"]]))
    )
    rows = []
    for key, own in cells.groupby(level=by, observed=True) if by else [((), cells)]:
        both = own.dropna()
        difference = both["mean", "correct"] - both["mean", "incorrect"]
        n = len(both)
        se = difference.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        mean = difference.mean()
        t = mean / se if n > 1 and se > 0 else np.nan
        reach = stats.t.ppf((1 + level) / 2, n - 1) * se if n > 1 else np.nan
        name = key if isinstance(key, tuple) else (key,)
        rows.append(
            dict(zip(by, name, strict=True))
            | {"networks": n, "left_out": len(own) - n}
            | {kind: both["size", kind].mean() for kind in ("correct", "incorrect")}
            | {"estimate": mean, "se": se, "df": n - 1, "t": t, "p": 2 * stats.t.sf(abs(t), n - 1)}
            | {"low": mean - reach, "high": mean + reach}
        )
    if not any(row["networks"] for row in rows):
        raise StatisticsError("no network has both correct and incorrect samples")
    result = pd.DataFrame(rows)
    return result.assign(p_holm=adjusted(result["p"].to_numpy(), "holm"))
