"""Errors of this room."""

from __future__ import annotations

from xaigt.errors import XaigtError


class ExplainerError(XaigtError):
    """An explainer was asked for something that it cannot do; the message says what would be right."""
