"""Explanation methods for any torch classifier: CAMs, attributions, baselines; raw signed maps.

>>> from xaigt.explainers import explain, postprocess  # doctest: +SKIP
>>> maps = explain(model, inputs, targets, ["gradcam", "hirescam"], stages=["layer4"])  # doctest: +SKIP
>>> shown = postprocess(maps, inputs.shape[2:], sign="relu", normalize="minmax")  # doctest: +SKIP

Importing this package loads nothing but Python: torch comes with the first name that is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xaigt.explainers.engine import explain
    from xaigt.explainers.errors import ExplainerError
    from xaigt.explainers.grids import Layout
    from xaigt.explainers.maps import Maps
    from xaigt.explainers.postprocessing import postprocess
    from xaigt.explainers.registry import available, find_explainer
    from xaigt.explainers.targets import Logit, LogitDifference, Probability

_WHERE = {
    "ExplainerError": "errors",
    "Layout": "grids",
    "Logit": "targets",
    "LogitDifference": "targets",
    "Maps": "maps",
    "Probability": "targets",
    "available": "registry",
    "explain": "engine",
    "find_explainer": "registry",
    "postprocess": "postprocessing",
}

__all__ = [
    "ExplainerError",
    "Layout",
    "Logit",
    "LogitDifference",
    "Maps",
    "Probability",
    "available",
    "explain",
    "find_explainer",
    "postprocess",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
