"""What an analysis noticed about itself: findings that are told, and errors that refuse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from xaigt.errors import XaigtError


class StatisticsError(XaigtError):
    """What was asked for cannot be estimated; the message says why, and what would be right."""


@dataclass(frozen=True)
class Finding:
    """One thing a reader of the results must know.

    Attributes
    ----------
    code
        A short stable name, such as ``"overlap"`` or ``"few_networks"``.
    level
        ``"note"``: how something was done. ``"warning"``: a result rests on more than the data show.
        ``"refused"``: something was asked for and not estimated.
    sentence
        What was found, and what was done about it.
    """

    code: str
    level: Literal["note", "warning", "refused"]
    sentence: str


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return the findings as a table with the columns code, level and sentence."""
    rows = [(finding.code, finding.level, finding.sentence) for finding in findings]
    return pd.DataFrame(rows, columns=["code", "level", "sentence"])


def listed(items: Iterable[object], limit: int = 5) -> str:
    """Return ``a, b, c and 4 more``: names for a sentence, cut after `limit`."""
    names = [str(item) for item in items]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
