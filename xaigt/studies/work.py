"""Arithmetic of networks, counted: what a study asks of a GPU, wherever it is asked."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts floating-point operations of whatever runs inside: those of convolutions and products of matrices.

    A multiplication and an addition are two. What else a network does (normalising, activations, pooling, the
    optimiser's step) is a few operations for each of its numbers, and is not counted.

    Attributes
    ----------
    total
        Operations so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        kwargs = kwargs or {}
        known = flop_registry.get(func._overloadpacket)
        if known is None:
            with self:  # in inference mode operations arrive whole: what they consist of is counted
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if known is not None:
            self.total += float(known(*args, **kwargs, out_val=result))
        return result
