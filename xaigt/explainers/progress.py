"""Tell how far a long explanation is: a bar, a function of the caller, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

Report = Callable[[str, int, int], None]


class Progress:
    """Counts (method, stage) pairs, and the rows of work inside one where a method reports them.

    Parameters
    ----------
    wanted
        True for a bar on standard error (by rich, where it is installed), a function of (label, done, total),
        or nothing.
    """

    def __init__(self, wanted: bool | Report | None) -> None:
        self.total = 0
        self._done = 0
        self._inside = 0
        self._label = ""
        self._report: Report | None = None if isinstance(wanted, bool) else wanted
        self._bar: Any = None
        self._task: Any = None
        if wanted is True:
            self._bar = _bar()

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("explain", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, label: str) -> None:
        """Begin a (method, stage) pair."""
        self._label, self._inside = label, 0
        self._tell()

    def advance(self, rows: int) -> None:
        """Count rows of the present pair that are done."""
        self._inside += rows
        if self._bar is not None:
            self._bar.update(self._task, description=f"{self._label}: {self._inside} reruns")

    def finish(self) -> None:
        """End the present pair."""
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self._label, self._done, self.total)
        if self._bar is not None:
            self._bar.update(self._task, description=self._label, completed=self._done, total=self.total)


def _bar() -> Any:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
    except ImportError:  # the room is usable without rich
        return None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Bar(*columns, console=Console(stderr=True), transient=True)
