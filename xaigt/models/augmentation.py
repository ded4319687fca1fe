"""Augmentation of a batch: mirrored left and right, rotated in-plane, scaled and shifted a little."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

DEGREES, SCALE, SHIFT = 10.0, 0.1, 0.06


def augment(batch: Tensor, rng: np.random.Generator, background: float) -> Tensor:
    """Transform each image of ``[B, C, *size]`` by an affine map of its own; outside is `background`."""
    count, dim = len(batch), batch.ndim - 2
    angle = np.radians(rng.uniform(-DEGREES, DEGREES, count))
    scale = rng.uniform(1 - SCALE, 1 + SCALE, count)
    mirror = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    matrix = np.zeros((count, dim, dim + 1), np.float32)
    for axis in range(2, dim):
        matrix[:, axis, axis] = scale
    # Coordinates of grid_sample run x, y, z, each from -1 to 1: sides of different lengths keep their angles.
    ratio = batch.shape[-2] / batch.shape[-1]
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * scale * np.cos(angle), -scale * np.sin(angle) * ratio
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * scale * np.sin(angle) / ratio, scale * np.cos(angle)
    matrix[:, :, dim] = rng.uniform(-2 * SHIFT, 2 * SHIFT, (count, dim))
    grid = functional.affine_grid(torch.from_numpy(matrix).to(batch.device), list(batch.shape), align_corners=False)
    return functional.grid_sample(batch - background, grid, align_corners=False) + background
