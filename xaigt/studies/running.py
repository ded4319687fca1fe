"""Running a study: data, pre-training, cells, tables, analysis, gallery. Repeated, it goes on where it was."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import xaigt
from xaigt import execution
from xaigt.studies import cell as one
from xaigt.studies import data, pretraining, tables
from xaigt.studies.configuration import Study
from xaigt.studies.errors import StudyError
from xaigt.studies.folder import STUDY, StudyFolder
from xaigt.studies.grid import NO_PRETRAINING, PUBLISHED, Cell, cells
from xaigt.studies.job import Job
from xaigt.studies.progress import Progress, silent

VERSIONS = ("torch", "monai", "timm", "captum", "numpy", "scipy", "pandas", "statsmodels", "zarr")


@dataclass(frozen=True)
class Means:
    """With what a study is run; none of it changes a result on a CPU.

    Attributes
    ----------
    engine, workers, scheduler
        As :func:`xaigt.execution.run`.
    device
        ``cpu`` or ``cuda``.
    weights, download
        Of arms with published weights.
    """

    engine: execution.Engine = "processes"
    workers: int = 1
    scheduler: str | None = None
    device: str = "cpu"
    weights: Path | None = None
    download: bool = False

    @property
    def makers(self) -> int:
        """Processes that make the data: they do so on the CPU, so that one process a GPU says nothing of them."""
        own = self.engine == "processes" and self.device != "cpu"
        return max(self.workers, execution.available_cpus()) if own else self.workers

    @property
    def passed_on(self) -> dict[str, Any]:
        """Arguments that name the engine."""
        return {"engine": self.engine, "scheduler": self.scheduler}


def run(
    study: Study, path: Path, means: Means | None = None, *, progress: Progress = silent,
    say: Callable[[str], None] = lambda _: None,
) -> StudyFolder:  # fmt: skip
    """Run what is missing of a study, then join, analyse and choose the gallery.

    Parameters
    ----------
    study
        What to run. It may be larger than what was run in this directory before: finished cells are kept.
    path
        Directory of the study.
    means
        With what.
    progress
        Shows how far each step is.
    say
        Told of each cell that fails.

    Raises
    ------
    XaigtError
        If data cannot be made, or workers or the cluster are lost. What was finished is kept.
    """
    folder, means = StudyFolder(path.absolute()), means or Means()
    try:
        folder.configure(study)
    except OSError as error:
        raise StudyError(f"{folder.path}: cannot be written ({error.strerror}).") from None
    with one.claimed(folder.path):  # so that status can tell a study that runs from one that was killed
        _run(folder, study, means, progress, say)
    return folder


def _run(folder: StudyFolder, study: Study, means: Means, progress: Progress, say: Callable[[str], None]) -> None:
    from xaigt.studies import conclusions, gallery

    clock = time.perf_counter()
    _open(folder, study, means)
    seconds = folder.description["seconds"]
    before = seconds["wall"]

    def took(part: str, since: float) -> float:
        now = time.perf_counter()
        seconds[part] = round(seconds.get(part, 0.0) + now - since, 2)
        seconds["wall"] = round(before + now - clock, 2)
        folder.update(seconds=seconds)
        return now

    with progress("data", "samples") as update:
        engine = means.passed_on if means.engine == "dask" else {}
        datasets = data.make(folder, study, workers=means.makers, engine=engine, progress=update)
    lap = took("data", clock)
    known = {variant: [entry["id"] for entry in entries] for variant, entries in datasets.items()}
    grid = cells(study, known)
    folder.update(
        variants={variant: study.title_of(variant) for variant in study.variants},
        datasets=datasets,
        evaluated_on={variant: entries[0]["name"] for variant, entries in datasets.items()},
    )
    jobs = [_job(folder, study, cell, means) for cell in grid]
    left = [job for job in jobs if one.state_of(folder.cell(job.cell.name)) != one.FINISHED]
    _pretrain(folder, left, means, progress, say)
    lap = took("pretraining", lap)
    _run_cells(folder, grid, left, means, progress, say)
    tables.join(folder, grid)
    lap = time.perf_counter()
    states = count(folder, grid)
    if states["finished"]:
        with progress("analysis", "steps") as update:
            conclusions.write(folder, study, update)
        gallery.write(folder, study, grid, means.device, progress)
    took("analysis", lap)
    done = states["finished"] == states["total"]
    folder.update(
        state="finished" if done else "incomplete", finished=_now() if done else None, cells=states,
        checksums=folder.checksums(), caveats=caveats(study), seconds=seconds | _cell_seconds(folder),
        **_counted(folder),
    )  # fmt: skip


def _open(folder: StudyFolder, study: Study, means: Means) -> None:
    known = folder.description if (folder.path / STUDY).exists() else {}
    folder.update(
        kind="pretraining", state="running", preset=study.preset or None, xaigt=xaigt.__version__,
        versions=versions(), platform=f"{platform.system()} {platform.machine()}", cpus=execution.available_cpus(),
        device=means.device, gpu=_gpu(means.device), engine=means.engine, workers=means.workers,
        threads=execution.THREADS, created=known.get("created", _now()), finished=None,
        seconds=known.get("seconds", {"wall": 0.0}), cells=known.get("cells", {}),
        seeds={
            "seeds": list(study.grid.seeds), "data_seeds": list(study.data.seeds),
            "pretrain_seeds": study.grid.pretrain_seeds,
        },
        caveats=caveats(study),
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    found = {"xaigt": xaigt.__version__, "python": platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _gpu(device: str) -> str | None:
    if not device.startswith("cuda"):
        return None
    import torch

    return torch.cuda.get_device_name(device) if torch.cuda.is_available() else None


def caveats(study: Study) -> list[str]:
    """Sentences that a report of the study must carry."""
    found = list(study.caveats)
    arms = [arm for arm in study.grid.arms if arm not in NO_PRETRAINING]
    if not any(arm in PUBLISHED for arm in arms):
        found.append(
            f"The arms of this study ({', '.join(study.grid.arms)}) are made offline. They are not the ImageNet "
            "against in-domain contrast of the published study, and nothing here repeats or refutes it."
        )
    if any(arm in PUBLISHED for arm in arms):
        found.append(
            "An arm of published weights is one pre-training run: what is said of it is said of that checkpoint alone."
        )
    if study.grid.pretrain_seeds != "by-seed" and len(study.grid.pretrain_seeds) == 1 and arms:
        found.append("Each arm has one pre-training run: differences between arms are differences between these runs.")
    return found


def _job(folder: StudyFolder, study: Study, cell: Cell, means: Means) -> Job:
    paths = folder.dataset_paths(cell.configuration["variant"])
    own = study.data.seeds.index(cell.configuration["data_seed"]) if len(paths) > 1 else 0
    return Job(
        folder.path, cell, paths[own], paths[0], study.explanation.batch_size, means.device, means.weights,
        means.download,
    )  # fmt: skip


def _pretrain(
    folder: StudyFolder, left: Sequence[Job], means: Means, progress: Progress, say: Callable[[str], None]
) -> None:
    jobs = pretraining.needed(left)
    if not jobs:
        return
    with progress("pre-training", "runs") as update:
        done = 0
        update(done, len(jobs))

        def on_done(job: Job, result: pretraining.Pretrained) -> None:
            nonlocal done
            done += 1
            update(done, len(jobs))
            if result.error:
                say(f"pre-training of arm {job.cell.settings.arm} failed: {result.error}")

        execution.run(
            pretraining.pretrain, jobs, on_done=on_done, key=lambda job: f"pre-training for {job.cell.title}",
            workers=means.workers, in_order=False, **means.passed_on,
        )  # fmt: skip


def _run_cells(
    folder: StudyFolder, grid: Sequence[Cell], left: Sequence[Job], means: Means, progress: Progress,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    with progress("cells", "cells") as update:
        done = len(grid) - len(left)
        update(done, len(grid))

        def on_done(job: Job, result: dict[str, Any]) -> None:
            nonlocal done
            done += 1
            update(done, len(grid))
            if result["state"] == one.FAILED:
                say(f"cell {job.cell.name} ({job.cell.title}) failed: {result['error']}")
            elif result.get("skipped") and result["state"] != one.FINISHED:
                say(f"cell {job.cell.name} ({job.cell.title}) is being run by another process.")
            folder.update(cells=count(folder, grid))

        execution.run(
            one.run_cell, left, on_done=on_done, key=lambda job: f"cell {job.cell.name} ({job.cell.title})",
            workers=means.workers, in_order=False, **means.passed_on,
        )  # fmt: skip


def count(folder: StudyFolder, grid: Sequence[Cell]) -> dict[str, int]:
    """Count the cells of a grid by state."""
    states = [one.state_of(folder.cell(cell.name)) for cell in grid]
    return {
        "total": len(grid), **{name: states.count(name) for name in (one.FINISHED, one.FAILED, one.RUNNING, "waiting")}
    }  # fmt: skip


def _counted(folder: StudyFolder) -> dict[str, Any]:
    try:
        table = folder.table("cells")
    except StudyError:
        return {}
    by = table.groupby("variant")
    return {
        "scored": {str(name): int(value) for name, value in by["scored"].max().items()},
        "accuracy_samples": {str(name): int(value) for name, value in by["n"].max().items()},
    }


def _cell_seconds(folder: StudyFolder) -> dict[str, float]:
    try:
        return {"cells": round(float(folder.table("cells")["seconds_total"].sum()), 1)}
    except StudyError:
        return {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
