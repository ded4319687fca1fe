"""The score table: checked, and brought to one array of networks x repeated cells x samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from xaigt.errors import nearest
from xaigt.statistics.findings import Finding, StatisticsError, listed

# Columns of a score table that tell repeated rows of one sample apart and are easily forgotten.
_TELLING = ("metric", "stage", "split", "target", "method", "seed")


@dataclass(frozen=True)
class Scores:
    """Scores of trained networks on samples.

    Attributes
    ----------
    values
        float64, (N, R, S): networks x repeated cells x samples; NaN where there is no score.
    networks
        N rows, index = the unit: factors between networks, the covariate and what else is constant in one.
    repeated
        R rows: the factors that are repeated within a network (such as the method), one row a cell.
    samples
        The S sample identifiers.
    between, within
        Names of the factors between networks, and of those repeated within a network.
    score, unit
        Names of the columns that held the score and the unit.
    findings
        What was noticed on the way.
    """

    values: np.ndarray
    networks: pd.DataFrame
    repeated: pd.DataFrame
    samples: pd.Index
    between: tuple[str, ...]
    within: tuple[str, ...]
    score: str
    unit: str
    findings: tuple[Finding, ...] = ()

    @property
    def present(self) -> np.ndarray:
        """bool, (N, R): where a network has any score in a repeated cell."""
        return np.asarray(np.isfinite(self.values).any(axis=2))

    @property
    def means(self) -> np.ndarray:
        """float64, (N, R): mean over samples, NaN where a network has no score in a cell."""
        finite = np.isfinite(self.values)
        count = finite.sum(axis=2)
        total = np.where(finite, self.values, 0.0).sum(axis=2)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def keep(self, *, networks: np.ndarray | None = None, samples: np.ndarray | None = None) -> Scores:
        """Return the scores of some networks or samples (boolean masks or positions)."""
        rows = np.arange(len(self.networks)) if networks is None else np.arange(len(self.networks))[networks]
        columns = np.arange(len(self.samples)) if samples is None else np.arange(len(self.samples))[samples]
        return replace(
            self,
            values=self.values[rows][:, :, columns],
            networks=self.networks.iloc[rows],
            samples=self.samples[columns],
        )


def require(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Raise :class:`StatisticsError` unless `table` has all `columns`."""
    if not isinstance(table, pd.DataFrame):
        raise StatisticsError(f"{what} must be a pandas DataFrame, got {type(table).__name__}")
    for column in columns:
        if column not in table.columns:
            raise StatisticsError(f"{what} has no column {column!r}: {nearest(column, map(str, table.columns))}")


def levels(column: pd.Series) -> list[Any]:
    """Return the levels of a factor in order: that of a categorical, else sorted (numbers by value)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = set(column.dropna().unique())
        return [level for level in column.cat.categories if level in used]
    unique = column.dropna().unique().tolist()
    try:
        return sorted(unique)
    except TypeError:
        return sorted(unique, key=str)


def read_scores(
    table: pd.DataFrame,
    *,
    score: str = "value",
    factors: Sequence[str] = ("arm", "depth", "method"),
    unit: str = "network_id",
    sample: str | Sequence[str] = "sample",
    keep: Sequence[str] = (),
    samples: Literal["common", "own"] = "common",
) -> Scores:
    """Check a score table and average nothing yet: one array of networks x repeated cells x samples.

    Parameters
    ----------
    table
        One row a score: a network, a repeated cell (such as a method) and a sample.
    score, unit
        Columns of the score and of the trained network.
    factors
        Columns to compare. Those constant in every network are factors between networks; the others are
        repeated.
    sample
        Column, or columns, that identify a sample.
    keep
        Other columns to carry along; each must be constant in a network.
    samples
        ``"common"``: the samples that every network was scored on, in every repeated cell that it has.
        ``"own"``: each network's own samples (their differences then count as differences of networks).

    Raises
    ------
    StatisticsError
        If a column is missing, rows are not unique, a factor is missing, or no sample is common.
    """
    sample_columns = [sample] if isinstance(sample, str) else list(sample)
    factors = list(factors)
    require(table, [score, unit, *sample_columns, *factors, *keep], "the score table")
    if len(table) == 0:
        raise StatisticsError("the score table has no rows")
    for column in [unit, *sample_columns, *factors]:
        missing = int(table[column].isna().sum())
        if missing:
            raise StatisticsError(
                f"column {column!r} of the score table is missing in {missing} rows; drop or fill them"
            )
    values = pd.to_numeric(table[score], errors="coerce").to_numpy(dtype=np.float64)
    if np.isinf(values).any():
        raise StatisticsError(f"column {score!r} holds {int(np.isinf(values).sum())} infinite scores; drop or fix them")
    found: list[Finding] = []
    lost = int(np.isnan(values).sum())
    if lost:
        found.append(Finding("missing", "warning", f"{lost} of {len(values)} scores are missing (NaN)."))

    networks, network_code, varying = _networks(table, unit, [*factors, *keep])
    between = tuple(name for name in factors if name not in varying)
    within = tuple(name for name in factors if name in varying)
    for name in keep:
        if name in varying:
            raise StatisticsError(
                f"column {name!r} varies within one {unit}; a covariate or cluster must be constant in each "
                f"(checkpoints of one run: see xaigt.statistics.slopes)"
            )
    repeated, repeated_code = _cells(table, within)
    sample_code, sample_index = _codes(table, sample_columns)

    shape = (len(networks), len(repeated), len(sample_index))
    flat = np.ravel_multi_index((network_code, repeated_code, sample_code), shape)
    _refuse_duplicates(table, flat, shape, [unit, *factors, *sample_columns])
    cube = np.full(int(np.prod(shape)), np.nan)
    cube[flat] = values
    scores = Scores(cube.reshape(shape), networks, repeated, sample_index, between, within, score, unit, tuple(found))
    return _common(scores) if samples == "common" else scores


def _codes(table: pd.DataFrame, columns: Sequence[str]) -> tuple[np.ndarray, pd.Index]:
    if len(columns) == 1:
        codes, index = pd.factorize(table[columns[0]], sort=False)
        return codes, pd.Index(index, name=columns[0])
    index = pd.MultiIndex.from_frame(table[list(columns)])
    codes, unique = pd.factorize(index, sort=False)
    return codes, pd.Index(unique)


def _networks(table: pd.DataFrame, unit: str, columns: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray, set[str]]:
    """One row a network, the network of each row, and the names of the columns that vary within a network."""
    codes, units = pd.factorize(table[unit], sort=True)
    first = np.full(len(units), -1)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    varying = set()
    constant: dict[str, Any] = {}
    for name in dict.fromkeys(columns):
        level_code, _ = pd.factorize(table[name], sort=False)
        if np.array_equal(level_code, level_code[first][codes]):
            constant[name] = table[name].iloc[first].reset_index(drop=True)
        else:
            varying.add(name)
    frame = pd.DataFrame(constant, index=range(len(units)))
    frame.index = pd.Index(units, name=unit)
    return frame, codes, varying


def _cells(table: pd.DataFrame, within: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Repeated cells in the order of their levels, and the cell of each row."""
    if not within:
        return pd.DataFrame(index=pd.RangeIndex(1)), np.zeros(len(table), dtype=np.int64)
    code = np.zeros(len(table), dtype=np.int64)
    known = []
    for name in within:
        order = levels(table[name])
        known.append(order)
        codes, unique = pd.factorize(table[name], sort=False)
        place = {level: i for i, level in enumerate(order)}
        code = code * len(order) + np.array([place[level] for level in unique])[codes]
    used, code = np.unique(code, return_inverse=True)
    places = np.unravel_index(used, [len(order) for order in known])
    columns = {name: [order[i] for i in place] for name, order, place in zip(within, known, places, strict=True)}
    return pd.DataFrame(columns), code


def _refuse_duplicates(table: pd.DataFrame, flat: np.ndarray, shape: tuple[int, ...], named: Sequence[str]) -> None:
    order = np.argsort(flat, kind="stable")
    again = np.flatnonzero(flat[order][1:] == flat[order][:-1])
    if not len(again):
        return
    one, two = table.iloc[order[again[0]]], table.iloc[order[again[0] + 1]]
    differing = [str(name) for name in table.columns if name not in named and one[name] != two[name]]
    telling = [name for name in _TELLING if name in differing]
    hint = (
        f"column {telling[0]!r} tells them apart: select one of its values, add it to factors, or to sample"
        if telling
        else "drop the copies"
    )
    where = ", ".join(f"{name}={one[name]}" for name in named)
    raise StatisticsError(f"{len(again)} rows of the score table repeat another one, the first at {where}; {hint}")


def _common(scores: Scores) -> Scores:
    """Keep the samples that every network was scored on in every repeated cell that it has."""
    present = scores.present
    found = list(scores.findings)
    full = (np.isfinite(scores.values) | ~present[:, :, None]).all(axis=(0, 1))
    if not full.any():
        seen = np.isfinite(scores.values).any(axis=1).sum(axis=1)
        raise StatisticsError(
            f"no sample was scored for every {scores.unit} and repeated cell ({len(scores.samples)} samples "
            f"in all, {seen.min()} to {seen.max()} a network); score one common sample set, or pass "
            f"samples='own'"
        )
    if not full.all():
        found.append(
            Finding(
                "common_samples",
                "warning",
                f"{int(full.sum())} of {len(full)} samples were scored for every network and repeated cell; "
                f"only these are compared. Left out: {listed(scores.samples[~full])}.",
            )
        )
    return replace(scores.keep(samples=full), findings=tuple(found))
