"""The tables of a study: those of its finished cells, joined."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xaigt.models.loop import CURVES
from xaigt.studies import cell as one
from xaigt.studies.folder import ANALYSIS, TABLES, StudyFolder, write_table
from xaigt.studies.grid import Cell

if TYPE_CHECKING:
    import pandas

JOINED = {"cells": one.ROW, "scores": one.SCORES, "effects": one.EFFECTS, "used": one.USED}
NAMED = ("cell", "variant", "network_id", "arm", "depth", "network", "seed")


def finished(folder: StudyFolder, cells: Sequence[Cell]) -> list[Cell]:
    """Cells of the grid whose results are there."""
    return [cell for cell in cells if one.state_of(folder.cell(cell.name)) == one.FINISHED]


def join(folder: StudyFolder, cells: Sequence[Cell]) -> None:
    """Write the tables of the finished cells of this grid; cells of other grids stay out."""
    import pandas

    done = finished(folder, cells)
    for stale in (TABLES, ANALYSIS):
        shutil.rmtree(folder.path / stale, ignore_errors=True)
    for name, file in JOINED.items():
        paths = [folder.cell(cell.name) / file for cell in done]
        parts = [pandas.read_parquet(path) for path in paths if path.exists()]
        if parts:
            write_table(folder.path / TABLES / f"{name}.parquet", _joined(parts))
    curves = [_curves(folder.cell(cell.name)) for cell in done]
    if curves:
        write_table(folder.path / TABLES / "curves.parquet", pandas.concat(curves, ignore_index=True))


def _joined(parts: Sequence[pandas.DataFrame]) -> pandas.DataFrame:
    import pandas

    table = pandas.concat(parts, ignore_index=True)
    first = [name for name in NAMED if name in table]
    return table[[*first, *(name for name in table if name not in first)]]


def _curves(folder: Path) -> pandas.DataFrame:
    import pandas

    history = pandas.read_csv(folder / CURVES).drop(columns="depth")
    row = pandas.read_parquet(folder / one.ROW).iloc[0]
    return history.assign(**{name: row[name] for name in NAMED})[[*NAMED, *history.columns]]
