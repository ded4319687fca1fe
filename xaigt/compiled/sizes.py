"""The size function of :mod:`xaigt.lesions.blobs` at points, in single precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _1 = np.float32(0), np.float32(1)
_MELT, _BEYOND = np.float32(0.25), np.float32(100)  # as in that module


@compiled("f4[:, ::1]", "f4[::1]", "f4[:, ::1]", "UniTuple(f4, 3)", "f4", "f4", "f4", "f4[::1]")
def blob_sizes(
    points: Any, noise: Any, parts: Any, centre: Any, radius: Any, roughness: Any, extent: Any, out: Any
) -> None:
    """Evaluate G (mm).

    Parameters
    ----------
    points, noise
        ``[3, n]`` and ``[n]``.
    parts
        ``[k, 13]``: of each ellipsoid its offset, the three unit vectors of its axes, each over its half axis, and 1
        less its size; all in the order z, y, x.
    centre, radius, roughness, extent
        Of the blob: where it lies, how large it is, how far noise moves its surface, and beyond what there is none.
    out
        ``[n]``, to write to.
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
            if k == 0:
                nearest = distance
            else:
                overlap = max(_MELT - abs(nearest - distance), _0) / _MELT
                nearest = min(nearest, distance) - overlap * overlap * (_MELT / np.float32(4))
        beyond = max(max(max(abs(z), abs(y)), abs(x)) - extent, _0) * _BEYOND
        out[i] = (nearest - roughness * noise[i] + beyond) * radius
