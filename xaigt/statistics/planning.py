"""From a pilot's file to a table and a figure of power: what ``xaigt study power`` calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from xaigt.errors import nearest
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.mixed import VarianceComponents, variance_components
from xaigt.statistics.power import Spread, power_figure, power_table
from xaigt.statistics.table import read_scores, require

__all__ = ["power_table", "read_table", "spread_of_options", "spread_of_pilot", "write"]


def read_table(path: Path) -> pd.DataFrame:
    """Read a table from .parquet or .csv.

    Raises
    ------
    StatisticsError
        If the file has another ending, or cannot be read.
    """
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if path.suffix.lower() not in readers:
        raise StatisticsError(f"{path}: a table is a .parquet or a .csv file")
    try:
        return readers[path.suffix.lower()](path)
    except (OSError, ValueError) as error:
        raise StatisticsError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error


def spread_of_pilot(
    path: Path, score: str, factors: Sequence[str], metric: str | None = None
) -> tuple[Spread, VarianceComponents]:
    """Return the standard deviations of a pilot, and its variance components."""
    table = read_table(path)
    if metric is not None:
        require(table, ["metric"], str(path))
        if metric not in set(table["metric"]):
            raise StatisticsError(
                f"{path}: no metric {metric!r}: {nearest(metric, map(str, table['metric'].unique()))}"
            )
        table = table[table["metric"] == metric]
    keep = [name for name in ("pretrain_id",) if name in table.columns]
    components = variance_components(read_scores(table, score=score, factors=factors, keep=keep))
    return Spread.of(components), components


def spread_of_options(network: float | None, network_method: float, network_sample: float, residual: float) -> Spread:
    """Return the standard deviations that were named one by one; that between networks is the least."""
    if network is None:
        raise StatisticsError("power needs a pilot (--pilot) or the spread between networks (--network-sd)")
    return Spread(network, network_method, network_sample, residual)


def write(result: pd.DataFrame, effect: float, table: Path | None, figure: Path | None) -> list[Path]:
    """Write the table as CSV and the figure, where they are wanted; returns what was written.

    Raises
    ------
    StatisticsError
        If a figure's ending is none that matplotlib draws.
    """
    written = []
    if table is not None:
        table.parent.mkdir(parents=True, exist_ok=True)
        result.to_csv(table, index=False)
        written.append(table)
    if figure is not None:
        drawing = power_figure(result, effect)
        kinds = drawing.canvas.get_supported_filetypes()
        if figure.suffix[1:].lower() not in kinds:
            raise StatisticsError(f"{figure}: a figure ends in one of {', '.join(sorted(kinds))}")
        figure.parent.mkdir(parents=True, exist_ok=True)
        drawing.savefig(figure, dpi=150)
        written.append(figure)
    return written
