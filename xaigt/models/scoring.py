"""Scoring a run's maps against the planted truth: the table of scores, and the network's row in the table of cells."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xaigt.dataset.layout import ALTERED
from xaigt.models.checkpoint import write
from xaigt.models.explaining import MAPS, load_maps, truth_of
from xaigt.models.runs import Run

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset

SCORES, CELL = "scores.parquet", "cell.parquet"
BLOCK = 64
"""Pairs at a time: bounds memory, changes no value."""


def score_run(
    run: Run,
    dataset: Dataset,
    metrics: Sequence[str] | None = None,
    *,
    sign: str = "relu",
    progress: Callable[[int, int], None] | None = None,
) -> pandas.DataFrame:
    """Score every map of a run; write ``scores.parquet`` and ``cell.parquet``.

    Maps are resized linearly to the image. Voxels outside the support do not count, nor do displaced ones. The truth is
    the nominal mask of the lesions that are evidence for the target. The references come with the scores: ``chance``
    (a random map) and ``attainable`` (the truth seen through each stage's grid).

    Parameters
    ----------
    metrics
        As :func:`xaigt.metrics.score`; its default set if None.
    sign
        ``relu``, ``abs`` or ``signed``.

    Returns
    -------
    pandas.DataFrame
        The table of scores.
    """
    import pandas
    import torch

    from xaigt.explainers import postprocess
    from xaigt.metrics import reference_scores, score
    from xaigt.metrics.table import DEFAULT

    described, pairs = load_maps(run)
    chosen = list(metrics or DEFAULT)
    size, spacing = tuple(run.description["size"]), dataset.description["spacing_mm"][-len(run.description["size"]) :]
    files = {entry["file"]: np.load(run.folder / MAPS / entry["file"], mmap_mode="r") for entry in described["maps"]}
    grids = {entry["stage"]: entry["grid"] for entry in described["maps"] if entry["stage"] != "input"}
    tables: list[pandas.DataFrame] = []
    for start in range(0, len(pairs), BLOCK):
        part = pairs.iloc[start : start + BLOCK]
        truth = np.stack([truth_of(dataset, pair) for _, pair in part.iterrows()])
        support = np.stack([dataset.read("support", int(number)) > 0 for number in part["sample"]])
        altered = np.stack([dataset.read("altered", int(number)) for number in part["sample"]])
        given: dict[str, Any] = {
            "support": support, "ignore": ((altered & ALTERED["displaced"]) > 0) & (truth == 0),
            "spacing": spacing, "sign": sign,
        }  # fmt: skip
        columns = run.columns() | {
            "sample": part["sample"].tolist(), "split": described["split"], "target": part["target"].tolist(),
            "correct": part["correct"].tolist(), "confidence": part["confidence"].tolist(),
        }  # fmt: skip
        for entry in described["maps"]:
            raw = torch.from_numpy(np.array(files[entry["file"]][start : start + BLOCK]))
            maps = postprocess(raw, size, sign="signed")
            named = columns | {"method": entry["method"], "stage": entry["stage"]}
            tables.append(score(maps, truth, chosen, columns=named, **given))
        tables.append(reference_scores(truth, chosen, grids=grids, columns=columns, **given))
        if progress is not None:
            progress(min(start + BLOCK, len(pairs)), len(pairs))
    table = pandas.concat(tables, ignore_index=True)
    _write(run, SCORES, table)
    _write(run, CELL, cell_of(run))
    return table


def cell_of(run: Run) -> pandas.DataFrame:
    """One row: what names the network, how its pre-training is named, and how well it classifies."""
    import pandas

    figures = run.description["figures"]
    split = "test" if "test" in figures else "val"
    row = run.columns() | {"pretrain_id": run.description["pretrain_id"], "matched": run.description["matched"]}
    row |= {name: figures[split].get(name) for name in ("auc", "accuracy", "dprime")} | {"split": split}
    return pandas.DataFrame([row])


def _write(run: Run, name: str, table: pandas.DataFrame) -> None:
    content = io.BytesIO()
    table.to_parquet(content)
    write(run.folder / name, content.getvalue())
