"""Errors of networks, their arms and their training."""

from __future__ import annotations

from xaigt.errors import XaigtError


class ModelError(XaigtError):
    """A network, an arm or a training that cannot be had as asked for."""
