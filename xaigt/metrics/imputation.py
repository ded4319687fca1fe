"""Noisy linear imputation: removed voxels become the weighted mean of their neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.errors import XaigtError


def neighbour_mean(values: Tensor) -> Tensor:
    """Weigh the neighbours of every voxel of ``[B, C, *S]``; beyond the border there are none.

    A weight halves with every axis along which the neighbour differs, and all sum to 1: in 2-D 1/6 for a
    side and 1/12 for a corner, as published; the 3-D weights (1/14, 1/28, 1/56) are ours.
    """
    dims = values.ndim - 2
    total: Tensor = values
    for axis in range(2, values.ndim):
        size = values.shape[axis]
        near = total.clone()
        near.narrow(axis, 1, size - 1).add_(total.narrow(axis, 0, size - 1), alpha=0.5)
        near.narrow(axis, 0, size - 1).add_(total.narrow(axis, 1, size - 1), alpha=0.5)
        total = near
    return (total - values) / float(2**dims - 1)


def impute(
    images: Tensor,
    removed: Tensor,
    *,
    noise: float = 0.01,
    seed: int = 0,
    tolerance: float = 1e-6,
    iterations: int = 5000,
) -> Tensor:
    """Replace removed voxels by the solution of "each is the weighted mean of its neighbours", plus noise.

    Solved for the whole batch by conjugate gradients on the voxel grid, without building a matrix.

    Parameters
    ----------
    images
        ``[B, C, *S]``.
    removed
        ``[B, *S]``, bool; at least one voxel of a sample must remain.
    noise
        Standard deviation of the Gaussian noise on the imputed voxels; the same draw in every sample.
    seed
        Of the noise.
    tolerance
        Residual relative to the right-hand side at which a sample is solved.
    iterations
        Limit; beyond it an error says so.

    Returns
    -------
    Tensor
        ``[B, C, *S]``; voxels that are not removed are bit for bit those of ``images``.
    """
    if bool(removed.flatten(1).all(1).any()):
        raise XaigtError("Cannot impute a sample of which every voxel is removed.")
    double = images.double()
    hole = removed[:, None]
    degree = neighbour_mean(torch.ones_like(double[:1, :1]))  # less than 1 at the border of the image

    def apply(values: Tensor) -> Tensor:
        return torch.where(hole, degree * values - neighbour_mean(values), 0)

    target = torch.where(hole, neighbour_mean(torch.where(hole, 0, double)), 0)
    solution = torch.zeros_like(target)
    residual, scale = target.clone(), _dot(target, target)
    direction, size = residual.clone(), scale.clone()
    goal = (tolerance**2 * scale).clamp(min=torch.finfo(torch.float64).tiny)
    for _ in range(iterations):
        active = size > goal
        if not bool(active.any()):
            break
        image = apply(direction)
        step = torch.where(active, size / _dot(direction, image).clamp(min=1e-300), 0)
        solution += step * direction
        residual -= step * image
        new = _dot(residual, residual)
        direction = residual + torch.where(active, new / size.clamp(min=1e-300), 0) * direction
        size = torch.where(active, new, size)
    else:
        raise XaigtError(
            f"Imputation did not converge in {iterations} iterations: raise tolerance or iterations."
        )
    draw = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    filled = (solution + noise * draw.to(solution.device)).to(images.dtype)
    return torch.where(hole, filled, images)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=tuple(range(2, a.ndim)), keepdim=True)
