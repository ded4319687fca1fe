"""Scoring a run's maps against the planted truth: the table of scores, and the network's row in the table of cells."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xaigt.dataset.layout import ALTERED
from xaigt.models.checkpoint import write
from xaigt.models.explaining import MAPS, load_maps, truth_of
from xaigt.models.runs import Run

if TYPE_CHECKING:
    import pandas
    from torch import Tensor

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

    from xaigt.metrics.table import DEFAULT

    described, pairs = load_maps(run)
    files = {entry["file"]: np.load(run.folder / MAPS / entry["file"], mmap_mode="r") for entry in described["maps"]}
    tables: list[pandas.DataFrame] = []
    for start in range(0, len(pairs), BLOCK):
        rows = slice(start, start + BLOCK)
        maps = {
            (entry["method"], entry["stage"]): torch.from_numpy(np.array(files[entry["file"]][rows]))
            for entry in described["maps"]
        }
        tables += score_pairs(
            run, dataset, pairs.iloc[rows], maps, list(metrics or DEFAULT), sign=sign, split=described["split"]
        )
        if progress is not None:
            progress(min(start + BLOCK, len(pairs)), len(pairs))
    table = pandas.concat(tables, ignore_index=True)
    _write(run, SCORES, table)
    _write(run, CELL, cell_of(run))
    return table


def truth_and_context(
    dataset: Dataset, part: pandas.DataFrame
) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    """Instance numbers of the evidence ``[B, *shape]`` of some pairs, and what else a metric is given."""
    truth = np.stack([truth_of(dataset, pair) for _, pair in part.iterrows()])
    altered = np.stack([dataset.read("altered", int(number)) for number in part["sample"]])
    return truth, {
        "support": np.stack([dataset.read("support", int(number)) > 0 for number in part["sample"]]),
        "ignore": ((altered & ALTERED["displaced"]) > 0) & (truth == 0),
        "spacing": dataset.description["spacing_mm"][-dataset.dim :],
    }


def score_pairs(
    run: Run, dataset: Dataset, part: pandas.DataFrame, maps: Mapping[tuple[str, str], Tensor],
    metrics: Sequence[str], *, sign: str | Mapping[str, str], split: str,
) -> list[pandas.DataFrame]:  # fmt: skip
    """Tables of scores of one block of pairs: each method at each stage, then the references.

    `sign` may name a policy for each method. The references, whose maps have no negative values, have ``relu`` then.
    """
    from xaigt.explainers import postprocess
    from xaigt.metrics import reference_scores, score

    truth, given = truth_and_context(dataset, part)
    columns = run.columns() | {
        "sample": part["sample"].tolist(), "split": split, "target": part["target"].tolist(),
        "correct": part["correct"].tolist(), "confidence": part["confidence"].tolist(),
    }  # fmt: skip
    tables = []
    for (method, stage), raw in maps.items():
        resized = postprocess(raw.cpu(), tuple(run.description["size"]), sign="signed")
        own = columns | {"method": method, "stage": stage}
        policy = sign if isinstance(sign, str) else sign[method]
        tables.append(score(resized, truth, metrics, columns=own, sign=policy, **given))
    grids = {stage: list(raw.shape[1:]) for (_, stage), raw in maps.items() if stage != "input"}
    policy = sign if isinstance(sign, str) else "relu"
    return [*tables, reference_scores(truth, metrics, grids=grids, columns=columns, sign=policy, **given)]


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
