"""The image itself: what brightness alone scores."""

from __future__ import annotations

from torch import Tensor


def raw_input(inputs: Tensor) -> Tensor:
    """Mean of the input's channels.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.

    Returns
    -------
    Tensor[B, *size]
    """
    return inputs.float().mean(1)
