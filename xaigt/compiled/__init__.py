"""Loops that are compiled to machine code on first import: reading a lattice at points, distances, on the CPU.

Written with torch, reading at a hundred points takes as long as at ten thousand: some thirty operations have to be
started. The compiled code is kept between processes where Numba finds a folder for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(*types: str) -> Callable[[F], F]:
    """Compile a function for arguments of some types now, or without them for those it is called with.

    No operation is reordered or fused: the bits do not depend on the processor.
    """

    def compile_it(function: F) -> F:
        options = {"nogil": True, "error_model": "numpy", "fastmath": False}
        signature = [f"void({', '.join(types)})"] if types else []
        try:
            made = numba.njit(*signature, cache=True, **options)(function)
        except RuntimeError:  # no folder can be written to: it is compiled again in every process
            made = numba.njit(*signature, **options)(function)
        if types and not made.stats.cache_hits:
            _tell()
        return made

    return compile_it


@lru_cache(maxsize=1)
def _tell() -> None:
    """Say once why it takes long."""
    logging.getLogger("xaigt").warning("compiling loops for this processor: once after an installation, up to a minute")
