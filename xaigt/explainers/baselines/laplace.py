"""Laplace magnitude: what spots and lines alone score."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.explainers.baselines.filters import along


def laplace(inputs: Tensor) -> Tensor:
    """Magnitude of the sum of second differences (1, -2, 1) along all axes, of the mean of the channels.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.

    Returns
    -------
    Tensor[B, *size]
    """
    image = inputs.float().mean(1)
    total = torch.zeros_like(image)
    for axis in range(1, image.ndim):
        total += along(image, axis, (1.0, -2.0, 1.0))
    return total.abs()
