"""Smooth random functions as cubic B-splines of control values on a regular lattice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import BSpline

Array = npt.NDArray[np.float32]

_TAPS = 4  # control values that bear on a point, along each axis


def control_shape(shape: tuple[int, int, int], step: float) -> tuple[int, int, int]:
    """How many control values each axis needs so that `expand` covers `shape` points `step` knots apart."""
    z, y, x = (_basis(count, step).shape[1] for count in shape)
    return z, y, x


def expand(control: Array, shape: tuple[int, int, int], step: float) -> Array:
    """Evaluate a spline on a lattice.

    Parameters
    ----------
    control
        ``[C, i, j, k]`` control values, as many as :func:`control_shape` says.
    shape
        (z, y, x) points to evaluate.
    step
        Distance between points in units of the distance between knots.

    Returns
    -------
    ndarray
        ``[C, z, y, x]``, a view of an array whose channels are innermost. Each value is a sum of four terms an
        axis in a fixed order, not BLAS: no dependence on its threads.
    """
    values = np.moveaxis(control, 0, -1)
    for axis in (2, 1, 0):  # the innermost first, while the array is small
        values = _along(values, axis, shape[axis], step)
    return np.moveaxis(values, -1, 0)


def _along(values: Array, axis: int, count: int, step: float) -> Array:
    """Expand one axis: rows of what lies further in are summed with weights, four for each new row."""
    outer, inner = values.shape[:axis], values.shape[axis + 1 :]
    rows = np.ascontiguousarray(values).reshape(-1, int(np.prod(inner)))
    index, weight = _bags(int(np.prod(outer)), count, step)
    starts = torch.arange(0, len(index), _TAPS)
    # torch.nn.functional.embedding_bag without its checks, which take as long as a small sum.
    result = torch.embedding_bag(torch.from_numpy(rows), index, starts, False, 0, False, weight, False)[0]
    return np.asarray(result.numpy()).reshape(*outer, count, *inner)


@lru_cache(maxsize=64)
def _bags(outer: int, count: int, step: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that make each new row, four each, and their weights: ``[outer * count * 4]``."""
    basis = _basis(count, step)
    first = np.minimum(np.floor(np.arange(count) * step + 1e-9).astype(np.int64), basis.shape[1] - _TAPS)
    taps = first[:, None] + np.arange(_TAPS)
    index = np.arange(outer)[:, None, None] * basis.shape[1] + taps
    weight = np.broadcast_to(np.take_along_axis(basis, taps, 1), index.shape)
    return torch.from_numpy(index.reshape(-1)), torch.from_numpy(weight.reshape(-1).copy())


@lru_cache(maxsize=64)
def _basis(count: int, step: float) -> Array:
    position = np.arange(count) * step
    knots = np.arange(-3, int(np.ceil(position[-1])) + 4, dtype=float)
    return np.asarray(BSpline.design_matrix(position, knots, 3, extrapolate=True).toarray(), np.float32)
