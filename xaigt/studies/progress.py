"""How a study shows what is done: bars that whoever runs it provides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Update = Callable[[int, int], None]
Progress = Callable[[str, str], AbstractContextManager[Update]]
"""(what, unit) -> a bar, whose update is given what is done and what is wanted."""


@contextmanager
def silent(_what: str, _unit: str) -> Iterator[Update]:
    """Show no progress."""
    yield lambda _done, _wanted: None
