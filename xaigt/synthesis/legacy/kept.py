"""Arrays that are computed once and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt import cache

Arrays = dict[str, npt.NDArray[Any]]


def kept(name: str, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of a name, from the cache or computed (and kept) now."""
    path = cache.folder() / "legacy" / f"{name}.npz"
    try:
        if not path.exists():
            with cache.locked(path):
                if not path.exists():
                    arrays = compute()
                    with cache.whole(path) as temporary, temporary.open("wb") as file:
                        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        with np.load(path) as content:
            return dict(content)
    except OSError:  # a cache that is read-only or full is no reason to stop
        return compute()
