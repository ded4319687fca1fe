"""The progress bar of every command that takes more than a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


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
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            return Text(f"{speed:.1f} {unit}/s" if speed > 0.2 else f"{60 * speed:.1f} {unit}/min")

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(what, total=None)
        started = False

        def update(done: int, wanted: int) -> None:
            nonlocal started
            if not started:
                bar.reset(task, total=wanted, completed=done)  # what an earlier run did does not count for the rate
                started = True
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
