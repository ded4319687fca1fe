"""Noisy linear imputation: removed voxels become the weighted mean of their neighbours."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

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
    tolerance: float = 1e-4,
    iterations: int = 10_000,
) -> Tensor:
    """Replace removed voxels by the solution of "each is the weighted mean of its neighbours", plus noise.

    Solved for the whole batch by conjugate gradients on the voxel grid, without building a matrix, from a
    guess that was solved on coarser grids.

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
        Residual relative to the right-hand side at which a sample is solved; below 1e-5 in double precision.
    iterations
        Limit; beyond it an error says so.

    Returns
    -------
    Tensor
        ``[B, C, *S]``; voxels that are not removed are bit for bit those of ``images``.
    """
    if bool(removed.flatten(1).all(1).any()):
        raise XaigtError("Cannot impute a sample of which every voxel is removed.")
    values = images.double() if tolerance < 1e-5 or images.dtype != torch.float32 else images
    hole = removed[:, None]
    solution, solved = _solve(values, hole, _guess(values, hole, tolerance), tolerance, iterations)
    if not solved:
        raise XaigtError(f"Imputation did not converge in {iterations} iterations: raise tolerance or iterations.")
    draw = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    filled = solution + noise * draw.to(solution)
    return torch.where(hole, filled.to(images.dtype), images)


def _guess(values: Tensor, hole: Tensor, tolerance: float) -> Tensor:
    """Impute on a grid of half the size, recursively, and resize: the slow part of the solution, cheaply."""
    shape = values.shape[2:]
    known = (~hole).to(values)
    if max(shape) <= 4:
        axes = tuple(range(2, values.ndim))
        mean = (values * known).sum(axes, keepdim=True) / known.sum(axes, keepdim=True)
        return mean.expand_as(values)
    two_d = len(shape) == 2
    pool = functional.avg_pool2d if two_d else functional.avg_pool3d
    weight = pool(known, 2, ceil_mode=True, count_include_pad=False)
    coarse = pool(values * known, 2, ceil_mode=True, count_include_pad=False)
    empty = weight == 0
    coarse = torch.where(empty, 0, coarse / torch.where(empty, 1, weight))
    solved, _ = _solve(coarse, empty, _guess(coarse, empty, tolerance), tolerance, 200)
    # Cells of two voxels: resizing by exactly two, then cutting off, keeps centres where they are.
    mode = "bilinear" if two_d else "trilinear"
    fine: Tensor = functional.interpolate(solved, scale_factor=2, mode=mode)
    for axis, size in enumerate(shape, start=2):
        fine = fine.narrow(axis, 0, size)
    return fine


def _solve(values: Tensor, hole: Tensor, guess: Tensor, tolerance: float, iterations: int) -> tuple[Tensor, bool]:
    """Fill the hole by conjugate gradients from a guess; whether every sample was solved."""
    degree = neighbour_mean(torch.ones_like(values[:1, :1]))  # less than 1 at the border of the image

    def apply(field: Tensor) -> Tensor:
        return torch.where(hole, degree * field - neighbour_mean(field), 0)

    known = torch.where(hole, 0, values)
    target = torch.where(hole, neighbour_mean(known), 0)
    solution = torch.where(hole, guess, 0)
    residual = target - apply(solution)
    direction, size = residual.clone(), _dot(residual, residual)
    # Relative to the hole's whole equation, so that a hole among zeros is solved at once.
    goal = (tolerance**2 * _dot(target, target)).clamp(min=torch.finfo(values.dtype).tiny)
    for _ in range(iterations):
        active = size > goal
        if not bool(active.any()):
            break
        image = apply(direction)
        curvature = _dot(direction, image)
        step = torch.where(active & (curvature > 0), size / torch.where(curvature > 0, curvature, 1), 0)
        solution += step * direction
        residual -= step * image
        new = _dot(residual, residual)
        direction = residual + torch.where(active, new / torch.where(active, size, 1), 0) * direction
        size = torch.where(active, new, size)
    return torch.where(hole, solution, values), not bool((size > goal).any())


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=tuple(range(2, a.ndim)), keepdim=True)
