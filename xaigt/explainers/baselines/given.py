"""Read from the context what a baseline needs beside the model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from xaigt.explainers.errors import ExplainerError


def given(context: Mapping[str, Tensor], key: str, inputs: Tensor, method: str) -> Tensor:
    """``context[key]`` as Tensor[B, *size]; [*size], [B, *size] and [B, 1, *size] are taken.

    Raises
    ------
    ExplainerError
        If it is not there or does not fit the inputs.
    """
    size = tuple(inputs.shape[2:])
    if key not in context:
        raise ExplainerError(
            f"method {method!r} needs context[{key!r}], a tensor [{len(inputs)}, {size}] or {size}"
        )
    found = context[key].to(inputs.device)
    if tuple(found.shape) == size:
        found = found.expand(len(inputs), *size)
    elif found.ndim == inputs.ndim and found.shape[1] == 1:
        found = found[:, 0]
    if tuple(found.shape) != (len(inputs), *size):
        raise ExplainerError(
            f"method {method!r}: context[{key!r}] has shape {tuple(found.shape)}, which does not fit inputs "
            f"of {tuple(inputs.shape)}"
        )
    return found
