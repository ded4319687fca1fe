"""Reading one field at points in single precision: of the anatomy, of noise, and of the map of a subject.

The sums are those of :mod:`xaigt.compiled.reading`, in the same order: a field read alone has the same bits as one
read with others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _1 = np.float32(0), np.float32(1)
_NEXT = np.uint64(1)  # without a sign: no index counts from the end


@compiled()
def cell(position: Any, count: Any) -> Any:
    """Last voxel before a position along an axis of voxels, and the share of the way to the next (float32)."""
    last = np.float32(count - 1)
    position = position if position > _0 else _0  # also what is no number
    position = position if position < last else last
    low = min(np.int64(position), count - 2)
    return np.uint64(low), position - np.float32(low)


@compiled()
def weights(up: Any, ahead: Any, away: Any) -> Any:
    """Weights of the eight corners of a cell, at shares (z, y, x) of the way from one voxel to the next."""
    below, back, near = _1 - up, _1 - ahead, _1 - away
    p, q, r, s = below * back, below * ahead, up * back, up * ahead
    return p * near, p * away, q * near, q * away, r * near, r * away, s * near, s * away


@compiled()
def weighted(data: Any, z: Any, y: Any, x: Any, share: Any) -> Any:
    """Weighted sum of the corners of a cell of an array ``[z, y, x]``."""
    above, ahead, beside = z + _NEXT, y + _NEXT, x + _NEXT
    low = (data[z, y, x] * share[0] + data[z, y, beside] * share[1]) + (
        data[z, ahead, x] * share[2] + data[z, ahead, beside] * share[3]
    )
    high = (data[above, y, x] * share[4] + data[above, y, beside] * share[5]) + (
        data[above, ahead, x] * share[6] + data[above, ahead, beside] * share[7]
    )
    return low + high


@compiled()
def value_at(data: Any, z: Any, y: Any, x: Any) -> Any:
    """Value of an array ``[z, y, x]`` at a place in voxels (float32); beyond it its border is read."""
    a, up = cell(z, data.shape[0])
    b, ahead = cell(y, data.shape[1])
    c, away = cell(x, data.shape[2])
    return weighted(data, a, b, c, weights(up, ahead, away))


@compiled("f4[:, :, :]", "UniTuple(f4, 3)", "f4", "f4[:, ::1]", "f4[::1]")
def read_field(data: Any, shift: Any, scale: Any, points: Any, out: Any) -> None:
    """Interpolate an array at points, trilinearly; beyond it its border is read.

    Parameters
    ----------
    data
        ``[z, y, x]`` float32, two voxels or more along each axis.
    shift, scale
        A point's place in voxels is ``scale * point + shift``.
    points
        ``[3, n]`` float32.
    out
        ``[n]`` float32, to write to.
    """
    for i in range(points.shape[1]):
        z, y, x = points[0, i] * scale + shift[0], points[1, i] * scale + shift[1], points[2, i] * scale + shift[2]
        out[i] = value_at(data, z, y, x)


@compiled("f4[:, :, ::1]", "f4", "f4", "UniTuple(f4, 3)", "f4", "f4[:, ::1]", "f4[::1]")
def read_noise(data: Any, shift: Any, scale: Any, centre: Any, unit: Any, points: Any, out: Any) -> None:
    """Interpolate an array at points as :func:`read_field` does, at their distances from a centre over a unit.

    Its shift is the same along each axis.
    """
    for i in range(points.shape[1]):
        z, y = (points[0, i] - centre[0]) / unit, (points[1, i] - centre[1]) / unit
        x = (points[2, i] - centre[2]) / unit
        out[i] = value_at(data, z * scale + shift, y * scale + shift, x * scale + shift)


@compiled("f4[:, ::1]", "f4[:, :, :, :]", "UniTuple(f4, 3)", "f4", "f4[:, ::1]", "f4[:, ::1]")
def map_points(affine: Any, field: Any, shift: Any, scale: Any, points: Any, out: Any) -> None:
    """Map points by ``u = A p + b`` and then by ``q = u + D(u)``.

    Parameters
    ----------
    affine
        ``[3, 4]``: A, and b in the last column.
    field, shift, scale
        D ``[3, z, y, x]``; the place in voxels of u is ``scale * u + shift``.
    points
        ``[3, n]`` float32.
    out
        ``[3, n]`` float32, to write to.
    """
    for i in range(points.shape[1]):
        z, y, x = points[0, i], points[1, i], points[2, i]
        to_z = (affine[0, 2] * x + affine[0, 1] * y) + (affine[0, 0] * z + affine[0, 3])
        to_y = (affine[1, 2] * x + affine[1, 1] * y) + (affine[1, 0] * z + affine[1, 3])
        to_x = (affine[2, 2] * x + affine[2, 1] * y) + (affine[2, 0] * z + affine[2, 3])
        a, up = cell(to_z * scale + shift[0], field.shape[1])
        b, ahead = cell(to_y * scale + shift[1], field.shape[2])
        c, away = cell(to_x * scale + shift[2], field.shape[3])
        share = weights(up, ahead, away)
        out[0, i] = to_z + weighted(field[0], a, b, c, share)
        out[1, i] = to_y + weighted(field[1], a, b, c, share)
        out[2, i] = to_x + weighted(field[2], a, b, c, share)
