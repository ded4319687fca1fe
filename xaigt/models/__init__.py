"""Networks whose start (arm) and trained depth are controlled, their training, and what they explain.

Importing this package loads nothing but Python: torch comes with the first name that is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xaigt.models.depth import calibrate, set_depth, train_mode
    from xaigt.models.errors import ModelError
    from xaigt.models.network import Network
    from xaigt.models.registry import create, names
    from xaigt.models.runs import Run, load_run, train
    from xaigt.models.settings import Settings

_WHERE = {
    "ModelError": "errors",
    "Network": "network",
    "Run": "runs",
    "Settings": "settings",
    "calibrate": "depth",
    "create": "registry",
    "load_run": "runs",
    "names": "registry",
    "set_depth": "depth",
    "train": "runs",
    "train_mode": "depth",
}

__all__ = [
    "ModelError",
    "Network",
    "Run",
    "Settings",
    "calibrate",
    "create",
    "load_run",
    "names",
    "set_depth",
    "train",
    "train_mode",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
