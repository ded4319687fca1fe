"""Random weights."""

from __future__ import annotations

from xaigt.models.arms import Context, Start, fresh, options


def start(context: Context) -> Start:
    """Draw the weights of the run's seed."""
    options(context, {})
    return Start(fresh(context), random=True, record={"arm": "scratch"})
