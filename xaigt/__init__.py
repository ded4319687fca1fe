"""Ground-truth benchmarks for explanation methods in medical imaging.

The public names are imported when they are first used, so that ``import xaigt`` is quick and loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from xaigt.errors import XaigtError

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset, Sample, load
    from xaigt.dataset.views import TorchView, monai_items, torchio_subjects, window
    from xaigt.synthesis.generate import generate
    from xaigt.synthesis.loading import load_recipe
    from xaigt.synthesis.recipe import Recipe

__version__ = "0.1.0.dev0"

__all__ = [
    "Dataset",
    "Recipe",
    "Sample",
    "TorchView",
    "XaigtError",
    "__version__",
    "generate",
    "load",
    "load_recipe",
    "monai_items",
    "torchio_subjects",
    "window",
]

_HOME = {
    "Dataset": "xaigt.dataset.reading",
    "Sample": "xaigt.dataset.reading",
    "load": "xaigt.dataset.reading",
    "TorchView": "xaigt.dataset.views",
    "monai_items": "xaigt.dataset.views",
    "torchio_subjects": "xaigt.dataset.views",
    "window": "xaigt.dataset.views",
    "generate": "xaigt.synthesis.generate",
    "Recipe": "xaigt.synthesis.recipe",
    "load_recipe": "xaigt.synthesis.loading",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'xaigt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
