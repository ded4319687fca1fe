"""Reading a lattice at a few points, and the map of a subject there and back, in double precision.

Where lesions lie is decided at a few points at a time: what NumPy, SciPy or Python start for each call would take
ten times as long as the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled


@compiled()
def _cell(position: Any, count: Any) -> Any:
    """Last voxel before a position along an axis of voxels, and the share of the way to the next."""
    position = position if position > 0.0 else 0.0  # also what is no number
    position = min(position, count - 1.0)
    low = min(np.int64(position), count - 2)
    return low, position - low


@compiled()
def _value(data: Any, z: Any, y: Any, x: Any, up: Any, ahead: Any, away: Any) -> Any:
    """Value of an array ``[z, y, x]`` at shares of the way from one voxel to the next."""
    below, back, near = 1.0 - up, 1.0 - ahead, 1.0 - away
    low = back * (near * data[z, y, x] + away * data[z, y, x + 1])
    low += ahead * (near * data[z, y + 1, x] + away * data[z, y + 1, x + 1])
    high = back * (near * data[z + 1, y, x] + away * data[z + 1, y, x + 1])
    high += ahead * (near * data[z + 1, y + 1, x] + away * data[z + 1, y + 1, x + 1])
    return below * low + up * high


@compiled("f4[:, :, :]", "UniTuple(f8, 3)", "f8", "f8[:, ::1]", "f4[::1]")
def probe(data: Any, origin: Any, spacing: Any, points: Any, out: Any) -> None:
    """Interpolate an array at points, trilinearly; beyond it its border is read.

    Parameters
    ----------
    data
        ``[z, y, x]`` float32, two voxels or more along each axis.
    origin, spacing
        (z, y, x) position of voxel 0, and edge of a voxel.
    points
        ``[n, 3]``.
    out
        ``[n]`` float32, to write to.
    """
    nz, ny, nx = data.shape
    for i in range(points.shape[0]):
        z, up = _cell((points[i, 0] - origin[0]) / spacing, nz)
        y, ahead = _cell((points[i, 1] - origin[1]) / spacing, ny)
        x, away = _cell((points[i, 2] - origin[2]) / spacing, nx)
        out[i] = _value(data, z, y, x, up, ahead, away)


@compiled()
def _displaced(field: Any, origin: Any, spacing: Any, z: Any, y: Any, x: Any) -> Any:
    """Value ``[3]`` of a vector field ``[3, z, y, x]`` at one point."""
    _, nz, ny, nx = field.shape
    a, up = _cell((z - origin[0]) / spacing, nz)
    b, ahead = _cell((y - origin[1]) / spacing, ny)
    c, away = _cell((x - origin[2]) / spacing, nx)
    return (
        _value(field[0], a, b, c, up, ahead, away),
        _value(field[1], a, b, c, up, ahead, away),
        _value(field[2], a, b, c, up, ahead, away),
    )


@compiled("f8[:, ::1]", "f4[:, :, :, :]", "UniTuple(f8, 3)", "f8", "f8[:, ::1]", "f8[:, ::1]")
def displace(affine: Any, field: Any, origin: Any, spacing: Any, points: Any, out: Any) -> None:
    """Map points by ``u = A p + b`` and then by ``q = u + D(u)``.

    Parameters
    ----------
    affine
        ``[3, 4]``: A, and b in the last column.
    field, origin, spacing
        D ``[3, z, y, x]``, the position of its first node, and the distance between nodes.
    points
        ``[n, 3]``.
    out
        ``[n, 3]``, to write to.
    """
    for i in range(points.shape[0]):
        z, y, x = points[i, 0], points[i, 1], points[i, 2]
        for k in range(3):
            out[i, k] = ((affine[k, 0] * z + affine[k, 1] * y) + affine[k, 2] * x) + affine[k, 3]
        moved = _displaced(field, origin, spacing, out[i, 0], out[i, 1], out[i, 2])
        for k in range(3):
            out[i, k] += moved[k]


@compiled("f8[:, ::1]", "f4[:, :, :, :]", "UniTuple(f8, 3)", "f8", "UniTuple(f8, 3)", "i8", "f8", "f8[::1]")
def undisplace(
    inverse: Any, field: Any, origin: Any, spacing: Any, point: Any, most: Any, close: Any, out: Any
) -> None:
    """Find the point that :func:`displace` maps to a given one, by fixed-point iteration.

    Parameters
    ----------
    inverse
        ``[3, 4]``: inverse of A, and b in the last column.
    field, origin, spacing
        As there.
    point
        (z, y, x), where the map leads.
    most, close
        The number of steps at most, and the step along each axis below which it ends.
    out
        ``[3]``, to write to.
    """
    z, y, x = point
    for _ in range(most):
        moved = _displaced(field, origin, spacing, z, y, x)
        to_z, to_y, to_x = point[0] - moved[0] - z, point[1] - moved[1] - y, point[2] - moved[2] - x
        z, y, x = z + to_z, y + to_y, x + to_x
        if abs(to_z) < close and abs(to_y) < close and abs(to_x) < close:
            break
    z, y, x = z - inverse[0, 3], y - inverse[1, 3], x - inverse[2, 3]
    for k in range(3):
        out[k] = (inverse[k, 0] * z + inverse[k, 1] * y) + inverse[k, 2] * x


@compiled("b1[:, :, ::1]", "UniTuple(f8, 3)", "f8", "f4[:, ::1]", "b1[::1]")
def nearest_voxels(mask: Any, origin: Any, spacing: Any, points: Any, out: Any) -> None:
    """Read the nearest voxel of a mask; beyond it its border is read.

    Parameters
    ----------
    mask
        ``[z, y, x]``.
    origin, spacing
        (z, y, x) position of voxel 0, and edge of a voxel.
    points
        ``[3, n]`` float32.
    out
        ``[n]``, to write to.
    """
    nz, ny, nx = mask.shape
    for i in range(points.shape[1]):
        z = min(max(np.int64(np.rint((points[0, i] - origin[0]) / spacing)), 0), nz - 1)
        y = min(max(np.int64(np.rint((points[1, i] - origin[1]) / spacing)), 0), ny - 1)
        x = min(max(np.int64(np.rint((points[2, i] - origin[2]) / spacing)), 0), nx - 1)
        out[i] = mask[z, y, x]
