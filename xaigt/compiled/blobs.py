"""The size function of :mod:`xaigt.lesions.blobs` on the lattice that the level of a blob is found on.

Numbers are rounded as torch rounds them after each operation. The root between the two parts is left to torch, whose
last bit is its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _4, _100 = np.float32(0), np.float32(4), np.float32(100)


@compiled()
def _melt(one: Any, other: Any, width: Any) -> Any:
    """Lesser of two distances; the corner of that minimum is rounded over a width."""
    overlap = max(width - abs(one - other), _0) / width
    return min(one, other) - overlap * overlap * (width / _4)


@compiled()
def _moved(distance: Any, noise: Any, outside: Any) -> Any:
    """Distance to a surface that noise moves; beyond the extent of a blob it grows steeply."""
    return (distance - noise) + max(outside, _0) * _100


@compiled("f4[::1]", "f4[::1]", "f4[::1]", "f4[:, ::1]", "f4[:, :, :, ::1]")
def ellipsoid_squares(along_z: Any, along_y: Any, along_x: Any, parts: Any, out: Any) -> None:
    """Find how far out points of a lattice lie in some ellipsoids: the squares of 1 on their surfaces.

    Parameters
    ----------
    along_z, along_y, along_x
        Coordinates of the lattice.
    parts
        ``[n, 15]``: of each ellipsoid its centre (z, y, x), its rotation (nine numbers, a row for each of x, y and z)
        and its axes.
    out
        ``[n, z, y, x]``, to write to.
    """
    out[:] = _0
    for n in range(len(parts)):
        for axis in range(3):
            by_x, by_y, by_z, length = parts[n, 3 + axis], parts[n, 6 + axis], parts[n, 9 + axis], parts[n, 12 + axis]
            for i in range(len(along_z)):
                from_z = by_z * (along_z[i] - parts[n, 0])
                for j in range(len(along_y)):
                    from_y, row = by_y * (along_y[j] - parts[n, 1]), out[n, i, j]
                    for k in range(len(along_x)):
                        along = ((by_x * (along_x[k] - parts[n, 2]) + from_y) + from_z) / length
                        row[k] += along * along


@compiled(
    "f4[::1]", "f4[::1]", "f4[::1]", "f4[:, :, :, ::1]", "f4[::1]", "f4", "f4", "f4", "f4", "f4[:, :, ::1]",
    "f4[:, :, ::1]",
)  # fmt: skip
def melted(
    along_z: Any, along_y: Any, along_x: Any, distances: Any, starts: Any, width: Any, extent: Any, roughness: Any,
    radius: Any, noise: Any, out: Any,
) -> None:  # fmt: skip
    """Evaluate G of a blob from the distances to its ellipsoids.

    Parameters
    ----------
    along_z, along_y, along_x
        Offsets of the lattice's points from the centre, in radii.
    distances, starts
        ``[n, z, y, x]``, in radii, and what is added to those to each ellipsoid, ``[n]``.
    width
        Over which the corner of the minimum of two distances is rounded.
    extent
        Beyond this offset there is no blob.
    roughness, radius
        As in :class:`xaigt.lesions.blobs.Blob`.
    noise
        ``[z, y, x]``.
    out
        ``[z, y, x]``, to write to (mm).
    """
    for i in range(len(along_z)):
        for j in range(len(along_y)):
            far, row = max(abs(along_z[i]), abs(along_y[j])), out[i, j]
            for k in range(len(along_x)):
                row[k] = distances[0, i, j, k] + starts[0]
            for n in range(1, len(distances)):
                for k in range(len(along_x)):
                    distance = distances[n, i, j, k] + starts[n]
                    row[k] = _melt(row[k], distance, width)
            for k in range(len(along_x)):
                outside = max(far, abs(along_x[k])) - extent
                row[k] = _moved(row[k], roughness * noise[i, j, k], outside) * radius


@compiled("f4[:, ::1]", "f4[::1]", "f4[:, ::1]", "UniTuple(f4, 3)", "f4", "f4", "f4", "f4", "f4[::1]")
def blob_sizes(
    points: Any, noise: Any, parts: Any, centre: Any, radius: Any, roughness: Any, width: Any, extent: Any, out: Any
) -> None:
    """Evaluate G of a blob at points.

    Parameters
    ----------
    points, noise
        ``[3, n]`` and ``[n]``.
    parts
        ``[k, 13]``: of each ellipsoid its offset, the three unit vectors of its axes, each over its half axis, and 1
        less its size; all in the order z, y, x.
    centre, radius, roughness
        Of the blob: where it lies, how large it is, and how far noise moves its surface.
    width, extent
        As in :func:`melted`.
    out
        ``[n]``, to write to (mm).
    """
    for i in range(points.shape[1]):
        z, y = (points[0, i] - centre[0]) / radius, (points[1, i] - centre[1]) / radius
        x = (points[2, i] - centre[2]) / radius
        nearest = _0
        for k in range(parts.shape[0]):
            dz, dy, dx = z - parts[k, 0], y - parts[k, 1], x - parts[k, 2]
            square = _0
            for axis in range(3):
                first = 3 + 3 * axis
                along = (parts[k, first + 2] * dx + parts[k, first + 1] * dy) + parts[k, first] * dz
                square += along * along
            distance = math.sqrt(square) + parts[k, 12]
            nearest = distance if k == 0 else _melt(nearest, distance, width)
        far = max(max(abs(z), abs(y)), abs(x))
        out[i] = _moved(nearest, roughness * noise[i], far - extent) * radius
