"""The size function of :mod:`xaigt.lesions.blobs` on the lattice that the level of a blob is found on.

Numbers are rounded as torch rounds them after each operation. The root between the two parts is left to torch, whose
last bit is its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _4, _100 = np.float32(0), np.float32(4), np.float32(100)


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
                    overlap = max(width - abs(row[k] - distance), _0) / width
                    row[k] = min(row[k], distance) - overlap * overlap * (width / _4)
            for k in range(len(along_x)):
                beyond = max(max(far, abs(along_x[k])) - extent, _0) * _100
                row[k] = ((row[k] - roughness * noise[i, j, k]) + beyond) * radius
