"""Loops that are compiled to machine code on first import: reading a lattice at points, distances, on the CPU.

Written with torch, reading at a hundred points takes as long as at ten thousand: some thirty operations have to be
started. The compiled code is kept between processes where Numba finds a folder for it.
"""

from __future__ import annotations

from collections.abc import Callable
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
            return numba.njit(*signature, cache=True, **options)(function)
        except RuntimeError:  # no folder can be written to: it is compiled again in every process
            return numba.njit(*signature, **options)(function)

    return compile_it
