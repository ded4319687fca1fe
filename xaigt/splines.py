"""Smooth random functions as cubic B-splines of control values on a regular lattice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline

from xaigt.compiled.filters import expand_control

Array = npt.NDArray[np.float32]

_NOTHING = np.empty((0, 0, 0, 0), np.float32)
_INNERMOST, _OUTERMOST = (1, 2, 3, 0), (3, 0, 1, 2)  # orders of axes that move the channels
TAPS = 4  # control values that bear on a point, along each axis


def control_shape(shape: tuple[int, int, int], step: float) -> tuple[int, int, int]:
    """How many control values each axis needs so that `expand` covers `shape` points `step` knots apart."""
    z, y, x = (_basis(count, step).shape[1] for count in shape)
    return z, y, x


def expand(
    control: Array, shape: tuple[int, int, int], step: float, onto: Array | None = None, times: float = 0.0
) -> Array:
    """Evaluate a spline on a lattice.

    Parameters
    ----------
    control
        ``[C, i, j, k]`` control values, as many as :func:`control_shape` says.
    shape
        (z, y, x) points to evaluate.
    step
        Distance between points in units of the distance between knots.
    onto, times
        What the spline is added to, ``[C, z, y, x]``, and a number that this is multiplied by before.

    Returns
    -------
    ndarray
        ``[C, z, y, x]``, a view of an array whose channels are innermost. Each value is a sum of four terms an
        axis in a fixed order, not BLAS: no dependence on its threads.
    """
    values = np.empty((*shape, len(control)), np.float32)
    base = _NOTHING if onto is None else onto.transpose(_INNERMOST)
    z, y, x = (_taps(count, step) for count in shape)
    expand_control(np.ascontiguousarray(control.transpose(_INNERMOST)), *z, *y, *x, base, times, values)
    return values.transpose(_OUTERMOST)


@lru_cache(maxsize=64)
def _taps(count: int, step: float) -> tuple[npt.NDArray[np.int64], Array]:
    """First of the control values that make each point, ``[count]``, and the weights of it and the next three."""
    basis = _basis(count, step)
    first = np.minimum(np.floor(np.arange(count) * step + 1e-9).astype(np.int64), basis.shape[1] - TAPS)
    return first, np.ascontiguousarray(np.take_along_axis(basis, first[:, None] + np.arange(TAPS), 1))


@lru_cache(maxsize=64)
def _basis(count: int, step: float) -> Array:
    position = np.arange(count) * step
    knots = np.arange(-3, int(np.ceil(position[-1])) + 4, dtype=float)
    return np.asarray(BSpline.design_matrix(position, knots, 3, extrapolate=True).toarray(), np.float32)
