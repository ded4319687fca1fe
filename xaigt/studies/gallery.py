"""Maps of a few samples, kept for the eye: best, median and worst, the same for every method and network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xaigt.dataset.files import write_json
from xaigt.models.explaining import PAIRS, explain_run
from xaigt.models.runs import load_run
from xaigt.studies import cell as one
from xaigt.studies.configuration import Study
from xaigt.studies.folder import GALLERY, StudyFolder
from xaigt.studies.grid import Cell
from xaigt.studies.measuring import SPLIT
from xaigt.studies.methods import candidates, named

if TYPE_CHECKING:
    import pandas

    from xaigt.studies.progress import Progress


def write(folder: StudyFolder, study: Study, grid: Sequence[Cell], device: str, progress: Progress) -> dict[str, Any]:
    """Choose samples and networks, explain them again, and keep those maps; write ``gallery.json``."""
    cells, scores = folder.table("cells"), folder.table("scores")
    chosen: dict[str, Any] = {}
    for variant in study.variants:
        own, ours = cells[cells["variant"] == variant], scores[scores["variant"] == variant]
        if not len(own):
            continue
        dataset = folder.dataset(variant)
        samples = ranked(main_scores(ours, study), study.gallery)
        labels = dataset.samples.set_index("sample")["label"]
        chosen[variant] = {
            "dataset": folder.description["evaluated_on"][variant], "metric": study.analysis.metric,
            "samples": [
                row | {"target": int(labels[row["sample"]]), "class": dataset.classes[int(labels[row["sample"]])]}
                for row in samples
            ],
            "cells": representatives(own),
            "methods": list(study.explanation.methods),
            "stages": sorted({str(stage) for stage in ours["stage"].dropna()}),
        }  # fmt: skip
    jobs = [(variant, entry["cell"]) for variant, found in chosen.items() for entry in found["cells"]]
    with progress("gallery", "networks") as update:
        for number, (variant, name) in enumerate(jobs):
            _explain(folder, study, variant, name, [row["sample"] for row in chosen[variant]["samples"]], device)
            update(number + 1, len(jobs))
    write_json(folder.path / GALLERY, chosen)
    return chosen


def main_scores(scores: pandas.DataFrame, study: Study) -> pandas.DataFrame:
    """Scores of the main analysis: its metric, its methods, at its stage."""
    own = scores[scores["metric"] == study.analysis.metric]
    return candidates(named(own, study.analysis.stage), study)


def ranked(scores: pandas.DataFrame, count: int) -> list[dict[str, Any]]:
    """Best, median and worst samples by their mean score over all networks and methods; none twice."""
    means = scores.groupby("sample")["value"].mean().dropna().sort_values(kind="stable", ascending=False)
    middle = max((len(means) - count) // 2, 0)
    order = {"best": means.index[:count], "worst": means.index[::-1][:count], "median": means.index[middle:][:count]}
    rows: list[dict[str, Any]] = []
    for rank in ("best", "median", "worst"):
        known = {row["sample"] for row in rows}
        rows += [
            {"sample": int(number), "rank": rank, "value": float(means[number])}
            for number in order[rank]
            if int(number) not in known
        ]
    return sorted(rows, key=lambda row: row["sample"])  # the order of the maps


def representatives(cells: pandas.DataFrame) -> list[dict[str, Any]]:
    """One network for each arm, depth and architecture: the one whose AUC is the median of its seeds."""
    rows = []
    for _, group in cells.groupby(["network", "depth", "arm"], sort=False):
        middle = group.sort_values(["auc", "seed"]).iloc[(len(group) - 1) // 2]
        rows.append({name: _plain(middle[name]) for name in ("cell", "arm", "depth", "network", "seed", "auc")})
    return rows


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _explain(folder: StudyFolder, study: Study, variant: str, name: str, samples: Sequence[int], device: str) -> None:
    import pandas

    run = load_run(folder.cell(name))
    asked = study.explanation
    kept = folder.cell(name) / "maps" / PAIRS
    if kept.exists() and set(pandas.read_parquet(kept)["sample"]) == set(samples):
        return
    explain_run(
        run, folder.dataset(variant), asked.methods, asked.stages, split=SPLIT, among=samples, device=device,
        predictions=pandas.read_parquet(folder.cell(name) / one.EVALUATION), options=asked.options,
    )  # fmt: skip
