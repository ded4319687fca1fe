"""Smooth random functions as cubic B-splines of control values on a regular lattice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline

Array = npt.NDArray[np.float32]


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
        ``[C, z, y, x]``. A plain loop (einsum without optimisation), not BLAS: no dependence on its threads.
    """
    z, y, x = (_basis(count, step) for count in shape)
    values = np.einsum("zi,cijk->czjk", z, control)
    values = np.einsum("yj,czjk->czyk", y, values)
    return np.asarray(np.einsum("czyk,kx->czyx", values, np.ascontiguousarray(x.T)), np.float32)


@lru_cache(maxsize=64)
def _basis(count: int, step: float) -> Array:
    position = np.arange(count) * step
    knots = np.arange(-3, int(np.ceil(position[-1])) + 4, dtype=float)
    return np.asarray(BSpline.design_matrix(position, knots, 3, extrapolate=True).toarray(), np.float32)
