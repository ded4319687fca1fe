"""The progress bar of every command that takes more than a few seconds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

RECENT, ENOUGH = 30.0, 10
"""Seconds over which a rate is taken, and how much must be done in them; of what is slower, all since the beginning."""


class Pace:
    """Rate of work, from when how much of it was done; what an earlier run did does not count.

    Parameters
    ----------
    done
        What is done at the beginning.
    now
        Time, seconds.
    """

    def __init__(self, done: int, now: float) -> None:
        self._first = (now, done)
        self._marks = deque([self._first])

    def told(self, done: int, now: float) -> None:
        """Note what is done by now."""
        marks = self._marks
        marks.append((now, done))
        while len(marks) > 2 and now - marks[1][0] >= RECENT and done - marks[1][1] >= ENOUGH:
            marks.popleft()

    def rate(self, *, whole: bool = False) -> float:
        """Units a second, lately or (`whole`) since the beginning; 0 until something is done."""
        (before, had), (now, done) = self._first if whole else self._marks[0], self._marks[-1]
        return (done - had) / (now - before) if now > before else 0.0

    def left(self, wanted: int, now: float) -> float | None:
        """Seconds that the rest will take; None where that cannot be known yet."""
        rate, (then, done) = self.rate(), self._marks[-1]
        return max((wanted - done) / rate - (now - then), 0.0) if rate > 0 else None


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error with rate and time left; yields ``update(done, wanted)``.

    Where standard error is no terminal, only the last state is printed.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
    )
    from rich.text import Text

    pace: Pace | None = None

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = pace.rate(whole=task.finished) if pace else 0.0
            if not speed:
                return Text("")
            return Text(f"{speed:.1f} {unit}/s" if speed > 0.2 else f"{60 * speed:.1f} {unit}/min")

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            left: float | None = 0.0 if task.finished else None
            if left is None and pace and task.total is not None:
                left = pace.left(int(task.total), time.monotonic())
            return Text("left " + ("-:--:--" if left is None else str(timedelta(seconds=round(left)))))

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        Left(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(what, total=None)

        def update(done: int, wanted: int) -> None:
            nonlocal pace
            if pace is None:
                pace = Pace(done, time.monotonic())
            else:
                pace.told(done, time.monotonic())
            bar.update(task, completed=done, total=wanted)

        yield update


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each of several stages that follow each other; yields ``update(stage, done, wanted)``."""
    with ExitStack() as stack:
        current = ""
        update: Callable[[int, int], None] | None = None

        def told(stage: str, done: int, wanted: int) -> None:
            nonlocal current, update
            if stage != current or update is None:
                stack.close()
                update = stack.enter_context(progress_bar(stage, "samples"))
                current = stage
            update(done, wanted)

        yield told
