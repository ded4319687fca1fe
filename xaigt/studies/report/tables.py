"""Tables of the page: a few rows in it, everything in the files beside it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xaigt.studies.report.source import Source, View

if TYPE_CHECKING:
    import pandas

ROWS = 80


@dataclass(frozen=True)
class Table:
    """A table as the page shows it; `closed`: behind its caption, to be opened."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    closed: bool = False


def text(value: Any) -> str:
    """A value in a table: numbers with four digits, nothing where nothing is known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, str)):
        return str(value)
    try:
        return f"{float(value):.4g}" if not math.isnan(float(value)) else ""
    except (TypeError, ValueError):
        return str(value)


def of_frame(frame: pandas.DataFrame, caption: str, rows: int = ROWS, *, closed: bool = False) -> Table:
    """First rows of a table; the caption says how many there are."""
    if len(frame) > rows:
        caption += f" The first {rows} of {len(frame)} rows."
    shown = [[text(value) for value in row] for row in frame.head(rows).astype(object).itertuples(index=False)]
    return Table(caption, [str(name) for name in frame.columns], shown, closed)


def of_pairs(pairs: Iterable[tuple[str, Any]], caption: str, *, closed: bool = False) -> Table:
    """Two columns: what, and its value."""
    return Table(caption, ["what", "value"], [[name, text(value)] for name, value in pairs], closed)


def networks(view: View) -> Table | None:
    """How well the networks of each arm and depth classify, from samples that are not scored."""
    cells = view.cells
    if not len(cells):
        return None
    rows = []
    order = [(arm, depth) for arm in view.arms for depth in view.depths]
    for arm, depth in order:
        own = cells[(cells["arm"] == arm) & (cells["depth"] == depth)]
        if not len(own):
            continue
        row = [arm, depth, str(len(own))]
        for name in ("auc", "dprime", "accuracy"):
            if name in own and own[name].notna().any():
                row.append(f"{own[name].mean():.3f} ({own[name].min():.3f} to {own[name].max():.3f})")
            else:
                row.append("")
        rows.append(row)
    return Table(
        "Mean and range over networks, measured on test samples that are not scored.",
        ["arm", "depth", "networks", "AUC", "d′", "accuracy"], rows,
    )  # fmt: skip


def cells(view: View) -> Table | None:
    """Every finished network."""
    wanted = [
        "cell", "arm", "depth", "network", "seed", "data_seed", "pretrain_id", "epochs", "best_epoch",
        "val_accuracy", "auc", "dprime", "dprime_se", "accuracy", "scored", "scored_correct", "seconds_total",
    ]  # fmt: skip
    frame = view.cells
    if not len(frame):
        return None
    return of_frame(frame[[name for name in wanted if name in frame]], "Finished networks.", 400, closed=True)


def failed(source: Source) -> Table | None:
    """Every cell that failed, with its error."""
    rows = []
    for cell in source.cells:
        if cell.get("state") == "failed":
            chosen = cell.get("configuration", {})
            names = [text(chosen.get(name)) for name in ("variant", "arm", "depth", "network", "seed")]
            rows.append([str(cell.get("cell")), *names, f"{cell.get('error_type') or ''}: {cell.get('error')}"])
    columns = ["cell", "data", "arm", "depth", "network", "seed", "error"]
    return Table("Cells that failed.", columns, rows) if rows else None


def time_spent(description: Mapping[str, Any]) -> Table | None:
    """Time of each part of the study."""
    seconds = dict(description.get("seconds") or {})
    if description.get("cell_seconds") is not None:
        seconds["cells"] = description["cell_seconds"]
    words = {
        "data": "generation of data", "pretraining": "pre-training", "cells": "training, explaining and scoring (sum)",
        "running cells": "the same, by the clock", "gallery": "maps of the gallery", "analysis": "analysis",
        "wall": "everything, by the clock",
    }  # fmt: skip
    order = [*(name for name in words if name in seconds), *(name for name in seconds if name not in words)]
    rows = [[words.get(name, name), duration(seconds[name])] for name in order if seconds[name] is not None]
    return Table("Time spent (hours:minutes:seconds).", ["what", "time"], rows) if rows else None


def duration(seconds: float) -> str:
    """``H:MM:SS``."""
    return str(datetime.timedelta(seconds=round(seconds)))


def origin(description: Mapping[str, Any]) -> list[Table]:
    """Machine, versions, seeds, data and checksums; those that are long are closed."""
    names = (
        "preset",
        "state",
        "created",
        "finished",
        "platform",
        "cpus",
        "device",
        "gpu",
        "engine",
        "workers",
        "threads",
    )
    known = [(name, description[name]) for name in names if description.get(name) not in (None, "")]
    tables = [of_pairs(known, "Study and machine.")]
    if description.get("versions"):
        tables.append(of_pairs(description["versions"].items(), "Versions."))
    if description.get("seeds"):
        seeds = [(name, _listed(value)) for name, value in description["seeds"].items()]
        tables.append(of_pairs(seeds, "Seeds."))
    return [*tables, *_data(description.get("datasets") or {}), *_checksums(description)]


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _data(datasets: Mapping[str, Any]) -> list[Table]:
    entries = [(variant, entry) for variant, group in datasets.items() for entry in group]
    rows = [
        [variant, entry["name"], entry.get("recipe", ""), text(entry.get("seed")), text(entry.get("id")),
         ", ".join(f"{name} {count}" for name, count in (entry.get("splits") or {}).items())]
        for variant, entry in entries
    ]  # fmt: skip
    tables = [Table("Data.", ["data", "name", "recipe", "seed", "id", "samples"], rows)] if rows else []
    licences = dict.fromkeys(str(name) for _, entry in entries for name in entry.get("licences") or ())
    if licences:
        tables.append(Table("Licences of the anatomy.", ["licence"], [[name] for name in licences], True))
    return tables


def _checksums(description: Mapping[str, Any]) -> list[Table]:
    rows = []
    for group in (description.get("datasets") or {}).values():
        for entry in group:
            sums = entry.get("sha256") or {}
            named = sums.items() if isinstance(sums, dict) else [("", sums)]
            rows += [[f"{entry.get('path') or entry['name']}/{name}", str(value)] for name, value in named]
    rows += [[name, str(value)] for name, value in (description.get("checksums") or {}).items()]
    return [Table("Checksums (sha256) of data, tables and analyses.", ["file", "sha256"], rows, True)] if rows else []
