"""How far a study is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xaigt.studies import cell as one
from xaigt.studies.folder import StudyFolder
from xaigt.studies.grid import Cell, cells, size


@dataclass(frozen=True)
class Status:
    """Counts and times of a study.

    Attributes
    ----------
    state
        running, finished, incomplete (cells failed or are missing), or interrupted: the command that ran it is gone.
    total, finished, failed, running, killed, waiting
        Cells of the present grid. running: a process holds it now; killed: one began it and is gone.
    other
        Finished cells of earlier grids, which would be used again.
    seconds
        Median time of a finished cell; None before there is one.
    failures
        (title, error) of each failed cell.
    """

    state: str
    total: int
    finished: int = 0
    failed: int = 0
    running: int = 0
    killed: int = 0
    waiting: int = 0
    other: int = 0
    seconds: float | None = None
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def left(self) -> int:
        """Cells that are not finished."""
        return self.total - self.finished


def status(folder: StudyFolder) -> Status:
    """Look at every cell of a study; changes nothing."""
    description, study = folder.description, folder.study
    state = str(description["state"])
    if state == one.RUNNING and not _held(folder.path):
        state = "interrupted"
    datasets = description.get("datasets")
    if not datasets:
        count = size(study)
        return Status(state, count, waiting=count)
    known = {variant: [entry["id"] for entry in entries] for variant, entries in datasets.items()}
    grid = cells(study, known)
    names = {cell.name for cell in grid}
    states = [_state(folder, cell) for cell in grid]
    found = {entry["cell"]: entry for entry in folder.cells()}
    times = sorted(
        float(entry["seconds"]["total"]) for entry in found.values() if entry["state"] == one.FINISHED
    )  # fmt: skip
    failures = [
        (str(entry["title"]), str(entry["error"]))
        for name, entry in found.items()
        if name in names and entry["state"] == one.FAILED
    ]
    return Status(
        state, len(grid),
        **{name: states.count(name) for name in ("finished", "failed", "running", "killed", "waiting")},
        other=sum(entry["state"] == one.FINISHED for name, entry in found.items() if name not in names),
        seconds=times[len(times) // 2] if times else None, failures=tuple(failures),
    )  # fmt: skip


def _state(folder: StudyFolder, cell: Cell) -> str:
    path = folder.cell(cell.name)
    state = one.state_of(path)
    return "killed" if state == one.RUNNING and not _held(path) else state


def _held(path: Path) -> bool:
    """Whether a process holds the lock of a cell or a study."""
    try:
        with one.claimed(path) as free:
            return not free
    except OSError:  # a study that may be read only: nobody writes it from here
        return False


def rows(found: Status) -> list[tuple[str, Any]]:
    """Return (word, number) of what there is to say."""
    words = [
        ("finished", found.finished), ("failed", found.failed), ("running", found.running),
        ("begun by a process that is gone", found.killed), ("waiting", found.waiting),
        ("finished, of earlier grids", found.other),
    ]  # fmt: skip
    return [(word, count) for word, count in words if count or word == "finished"]
