"""Sentences of the analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np

NAMES = {
    "total": "as trained", "adjusted": "at equal accuracy", "corrected": "with the error of accuracy taken out",
    "clustered": "with pre-training runs as clusters",
}  # fmt: skip


def interval(row: Any) -> str:
    """Return an estimate with its interval: ``+0.120 (0.050 to 0.190, p = 0.002)``."""
    if not np.isfinite(row["estimate"]):
        return "not determined by these networks"
    if not np.isfinite(row["low"]):
        return f"{row['estimate']:+.3f} (no interval: no spread to test against)"
    return f"{row['estimate']:+.3f} ({row['low']:.3f} to {row['high']:.3f}, p = {row['p']:.2g})"


def verdict(row: Any) -> str:
    """Return what the interval says: higher, lower, or not told apart."""
    if not np.isfinite(row["low"]):
        return "undetermined"
    return "higher" if row["low"] > 0 else "lower" if row["high"] < 0 else "not told apart from zero"


def change_of(name: str, rows: Mapping[str, Any]) -> str:
    """Say, for one pair of arms, what the total effect is and what each further analysis made of it.

    `rows` holds the contrast of each analysis, the total effect first; None where an analysis has none.
    """
    first = verdict(rows["total"])
    text = f"{name}: as trained the difference is {interval(rows['total'])}, {first}"
    for analysis, row in rows.items():
        if analysis == "total" or row is None:
            continue
        now = verdict(row)
        text += f"; {NAMES[analysis]} it is {interval(row)}, "
        text += f"still {now}" if now == first else f"now {now}"
    return text + "."


def listed_methods(names: Sequence[Any]) -> str:
    """Return ``a, b and c``."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"


def counted(word: str, things: Sized) -> str:
    """Return a word, in the plural unless there is one thing."""
    return word if len(things) == 1 else f"{word}s"
