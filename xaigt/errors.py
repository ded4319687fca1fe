"""The one family of errors that xaigt raises on bad input.

A message says what was wrong, in which file and field, and what would be right. The command line prints
it without a traceback and exits with status 2; a program can catch :class:`XaigtError` alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class XaigtError(Exception):
    """Base class of every error that xaigt raises on purpose."""


def nearest(name: str, known: Iterable[str], limit: int = 3) -> str:
    """End of a message about an unknown name: the nearest known names, or all of them.

    Parameters
    ----------
    name
        What was asked for.
    known
        Every name that exists.
    limit
        How many near names to offer.

    Returns
    -------
    str
        Such as ``did you mean 'hemorrhage'? Known: hemorrhage, tumor``.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=limit, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(match) for match in close)}? " if close else ""
    return f"{hint}Known: {', '.join(names) if names else 'none'}"
