"""Sobel magnitude: what edges alone score."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.explainers.baselines.filters import separable


def sobel(inputs: Tensor) -> Tensor:
    """Root of the sum of squared Sobel derivatives along all axes, of the mean of the input's channels.

    The derivative (-1, 0, 1) along one axis is smoothed by (1, 2, 1) along every other; edges are repeated.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.

    Returns
    -------
    Tensor[B, *size]
    """
    image = inputs.float().mean(1)
    dims = image.ndim - 1
    total = torch.zeros_like(image)
    for axis in range(dims):
        kernels = [(-1.0, 0.0, 1.0) if other == axis else (1.0, 2.0, 1.0) for other in range(dims)]
        total += separable(image, kernels).square()
    return total.sqrt()
