"""The matched design: only networks of about one accuracy, chosen on validation, reported on test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.table import require


@dataclass(frozen=True)
class Matched:
    """Networks matched on validation accuracy.

    Attributes
    ----------
    networks
        The networks that were kept, with ``stratum`` and ``target``.
    cells
        One row a cell: the factors, ``target``, ``networks`` (all), ``matched``, the mean validation and test
        accuracy of those matched, and ``nearest``: validation accuracy of the network nearest to the target.
    unmatched
        The cells of which no network came within the caliper.
    sentence
        What was done.
    """

    networks: pd.DataFrame
    cells: pd.DataFrame
    unmatched: pd.DataFrame
    sentence: str


def matched_design(
    cells: pd.DataFrame,
    *,
    caliper: float,
    target: float | None = None,
    factors: Sequence[str] = ("arm", "depth"),
    within: Sequence[str] = (),
    unit: str = "network_id",
    validation: str = "val_accuracy",
    test: str = "accuracy",
) -> Matched:
    """Keep the networks within `caliper` of a common validation accuracy.

    Match on validation: accuracy on test is what is left to report, and to look at whether the match held.
    Then compare the kept networks alone: ``compare(table[table[unit].isin(matched.networks[unit])],
    covariate=None)``.

    Parameters
    ----------
    cells
        One row a network, with the factors, validation and test accuracy.
    caliper
        Largest allowed distance from the target, in units of the accuracy.
    target
        The common accuracy; None: in each stratum the one that leaves the fewest cells unmatched, then keeps
        the most networks, then lies nearest to their middle.
    factors
        What makes a cell.
    within
        Factors whose levels are strata with a target of their own, such as ``("depth",)``.
    unit, validation, test
        Columns of the network, and of its accuracy on validation and test.

    Raises
    ------
    StatisticsError
        If a column is missing, or the caliper is not positive.
    """
    require(cells, [unit, validation, test, *factors], "the table of cells")
    if caliper <= 0:
        raise StatisticsError(f"the caliper must be positive, got {caliper}")
    if cells[unit].duplicated().any():
        raise StatisticsError(
            f"the table of cells has two rows for {unit} {cells.loc[cells[unit].duplicated(), unit].iloc[0]!r}"
        )
    if not np.isfinite(cells[[validation, test]].to_numpy(dtype=np.float64)).all():
        raise StatisticsError(f"{validation!r} and {test!r} must be finite for every network")
    frame = cells.copy()
    frame["stratum"] = frame[list(within)].astype(str).agg("/".join, axis=1) if within else "all"
    for name, group in frame.groupby("stratum", observed=True):
        common = _target(group, list(factors), validation, caliper) if target is None else target
        frame.loc[frame["stratum"] == name, "target"] = common
    distance = (frame[validation] - frame["target"]).abs()
    frame["matched"] = distance <= caliper * (1 + 1e-9)
    rows = []
    for key, group in frame.groupby(list(factors), observed=True, sort=True):
        kept = group[group["matched"]]
        nearest = group.loc[distance[group.index].idxmin(), validation]
        row = dict(zip(factors, key if isinstance(key, tuple) else (key,), strict=True))
        row |= {
            "target": group["target"].iloc[0],
            "networks": len(group),
            "matched": len(kept),
            "nearest": nearest,
        }
        rows.append(row | {validation: kept[validation].mean(), test: kept[test].mean()})
    table = pd.DataFrame(rows)
    lost = table[table["matched"] == 0].reset_index(drop=True)
    kept = frame[frame["matched"]].drop(columns="matched").reset_index(drop=True)
    sentence = (
        f"{len(kept)} of {len(frame)} networks lie within {caliper:g} of the common {validation}; "
        f"{len(lost)} of {len(table)} cells are unmatched"
    )
    if len(lost):
        names = ["/".join(map(str, row)) for row in lost[list(factors)].itertuples(index=False)]
        sentence += f" and say nothing at this accuracy: {', '.join(names)}"
    return Matched(kept, table, lost, sentence + ".")


def _target(group: pd.DataFrame, factors: Sequence[str], validation: str, caliper: float) -> float:
    """Return the target that matches most cells, then most networks, then is nearest to their middle."""
    values = group[validation].to_numpy(dtype=np.float64)
    cell = pd.factorize(group[list(factors)].astype(str).agg("/".join, axis=1))[0]
    centres = np.unique(np.concatenate([values, (values[:, None] + values[None, :]).ravel() / 2]))
    near = np.abs(values - centres[:, None]) <= caliper * (1 + 1e-9)
    covered = np.stack([near[:, cell == c].any(axis=1) for c in range(cell.max() + 1)], axis=1).sum(axis=1)
    count = near.sum(axis=1)
    middle = np.abs(near @ values / np.maximum(count, 1) - centres)
    best = np.lexsort((middle, -count, -covered))[0]
    return float(centres[best])
