"""Running one cell: claim its directory, train, evaluate, explain, score; or write down why it failed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from xaigt.dataset.files import read_json, write_json
from xaigt.errors import XaigtError
from xaigt.studies.configuration import Explanation
from xaigt.studies.folder import CELL, FORMAT_VERSION, StudyFolder, write_table
from xaigt.studies.grid import Cell
from xaigt.studies.job import Job

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset

CLAIM = ".claim"  # locked while a process runs the cell
RUNNING, FINISHED, FAILED = "running", "finished", "failed"
EVALUATION, SCORES, EFFECTS, USED, ROW = (
    "evaluation.parquet", "scores.parquet", "effects.parquet", "used.parquet", "cell.parquet"
)  # fmt: skip


def state_of(folder: Path) -> str:
    """State of a cell as its directory says it: waiting, running (perhaps abandoned), finished or failed."""
    path = folder / CELL
    return str(read_json(path)["state"]) if path.exists() else "waiting"


def run_cell(job: Job) -> dict[str, Any]:
    """Run a cell, unless it is finished or another process is running it; return what ``cell.json`` says.

    Whatever goes wrong inside is written down, and the caller goes on with the next cell. A cell that was killed is
    taken up where its training was.
    """
    folder = StudyFolder(job.study).cell(job.cell.name)
    with claimed(folder) as ours:
        if not ours or state_of(folder) == FINISHED:
            found = dict(read_json(folder / CELL)) if (folder / CELL).exists() else {"state": RUNNING}
            return found | {"skipped": True}
        description = _begin(job, folder)
        clock = time.perf_counter()
        try:
            _measure(job, folder, description)
            description["state"] = FINISHED
        except Exception as error:
            description |= {"state": FAILED, "error": _reason(error), "error_type": type(error).__name__}
        description["seconds"]["total"] = round(time.perf_counter() - clock, 3)
        description["finished"] = _now()
        write_json(folder / CELL, description)
        return description


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Hold the lock of a cell or a study, which the system releases when a process dies; False if another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / CLAIM)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _begin(job: Job, folder: Path) -> dict[str, Any]:
    from xaigt.execution import THREADS

    description = {
        "format_version": FORMAT_VERSION, "cell": job.cell.name, "title": job.cell.title, "state": RUNNING,
        "configuration": job.cell.configuration, "network_id": None, "error": None, "error_type": None,
        "seconds": {}, "started": _now(), "finished": None, "host": platform.node(), "pid": os.getpid(),
        "device": job.device, "threads": THREADS,
    }  # fmt: skip
    write_json(folder / CELL, description)
    return description


def _measure(job: Job, folder: Path, description: dict[str, Any]) -> None:
    import pandas

    from xaigt.execution import THREADS
    from xaigt.models import train
    from xaigt.studies import measuring, pretraining
    from xaigt.studies.reusing import reuse

    seconds, clock = description["seconds"], time.perf_counter()
    if not reuse(StudyFolder(job.study), job.cell):
        pretraining.provide(job.study)
    run = train(
        _opened(job.data), job.cell.settings, folder, device=job.device, threads=THREADS, weights=job.weights,
        download=job.download,
    )  # fmt: skip
    description["network_id"] = run.description["network_id"]
    seconds["train"], clock = _since(clock)
    dataset = _opened(job.evaluation)
    predictions = measuring.evaluation(run, dataset, job.device)
    row = measuring.performance_row(predictions)
    seconds["evaluate"], clock = _since(clock)
    asked = Explanation(**job.cell.configuration["explanation"], batch_size=job.batch_size)
    measured = measuring.measure(run, dataset, predictions, asked, job.device)
    seconds |= measured.seconds

    named = identifying(job.cell, run.description)
    write_table(folder / EVALUATION, predictions)
    for name, table in ((SCORES, measured.scores), (EFFECTS, measured.effects), (USED, measured.used)):
        if len(table):
            write_table(folder / name, table.assign(**{key: value for key, value in named.items() if key not in table}))
    scored = measured.scores.drop_duplicates("sample")
    figures, history = run.description["figures"], _history(folder)
    row |= {
        **named, "epochs": run.description["epochs"], "best_epoch": run.description["best_epoch"],
        "matched": run.description["matched"], "val_accuracy": figures["val"]["accuracy"],
        "val_auc": figures["val"]["auc"], "train_accuracy": figures["train"]["accuracy"], "scored": len(scored),
        "scored_correct": float(scored["correct"].mean()), "seconds_train": seconds["train"],
        "seconds_explain": measured.seconds["explain"], "seconds_total": round(sum(seconds.values()), 3),
        "device": job.device, "train_loss": history["train_loss"].iloc[-1],
    }  # fmt: skip
    write_table(folder / ROW, pandas.DataFrame([row]))


def identifying(cell: Cell, run: dict[str, Any]) -> dict[str, Any]:
    """Columns that name a network in every table of a study."""
    training = cell.configuration["training"]
    return {
        "cell": cell.name, "variant": cell.configuration["variant"], "network_id": run["network_id"],
        "arm": training["arm"], "depth": str(training["schedule"] or training["depth"]),
        "network": training["network"], "seed": training["seed"],
        # Networks of one random start are no more independent than those of one pre-training run.
        "pretrain_id": run["pretrain_id"] or f"{training['arm']}-{training['network']}-{training['seed']}",
        "pretrain_seed": training["pretrain_seed"], "data_seed": cell.configuration["data_seed"],
    }  # fmt: skip


@lru_cache(maxsize=4)
def _opened(path: Path) -> Dataset:
    """Dataset, opened once a process: its tables are read and checked once."""
    from xaigt.dataset.reading import load

    return load(path)


def _history(folder: Path) -> pandas.DataFrame:
    import pandas

    from xaigt.models.loop import CURVES

    return pandas.read_csv(folder / CURVES)


def _reason(error: Exception) -> str:
    if isinstance(error, XaigtError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _since(clock: float) -> tuple[float, float]:
    now = time.perf_counter()
    return round(now - clock, 3), now


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
