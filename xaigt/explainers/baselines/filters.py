"""Separable filters over all axes of an image, its edges repeated outward."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad


def along(images: Tensor, axis: int, kernel: Sequence[float]) -> Tensor:
    """Correlate images, Tensor[B, *size], with a kernel of odd length along one axis (1 is the first)."""
    moved = images.movedim(axis, -1)
    radius = len(kernel) // 2
    lines = moved.reshape(-1, 1, moved.shape[-1])
    weights = torch.tensor(kernel, device=images.device, dtype=images.dtype).reshape(1, 1, -1)
    filtered = conv1d(pad(lines, (radius, radius), mode="replicate"), weights)
    return filtered.reshape(moved.shape).movedim(-1, axis)


def separable(images: Tensor, kernels: Sequence[Sequence[float]]) -> Tensor:
    """Correlate images, Tensor[B, *size], with one kernel an axis."""
    for axis, kernel in enumerate(kernels, start=1):
        images = along(images, axis, kernel)
    return images
