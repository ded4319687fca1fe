"""Unions of round-ended tubes: their volume, by the points of a lattice that lie inside, and what they fill."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled
from xaigt.compiled.cores import share

_0, _1 = np.float32(0), np.float32(1)


@compiled("f8[:, ::1]", "f8[:, ::1]", "f8[::1]", "f8[::1]", "f8[::1]", "i8[::1]", "i8[::1]")
def points_inside(start: Any, end: Any, radius: Any, first: Any, step: Any, counts: Any, out: Any) -> None:
    """Count the points of a rectangular lattice that lie in a tube or more.

    Parameters
    ----------
    start, end, radius
        ``[n, 3]``, ``[n, 3]`` and ``[n]``: tubes, which end in half balls.
    first, step, counts
        ``[3]``: first point of the lattice, and for each axis the distance between points and how many there are.
    out
        ``[1]``, to write to.
    """
    along = end - start
    found = 0
    for a in range(counts[0]):
        z = first[0] + a * step[0]
        for b in range(counts[1]):
            y = first[1] + b * step[1]
            for c in range(counts[2]):
                x = first[2] + c * step[2]
                for n in range(radius.shape[0]):
                    dz, dy, dx = z - start[n, 0], y - start[n, 1], x - start[n, 2]
                    length = along[n, 0] ** 2 + along[n, 1] ** 2 + along[n, 2] ** 2
                    share = 0.0
                    if length > 0:
                        share = (dz * along[n, 0] + dy * along[n, 1] + dx * along[n, 2]) / length
                        share = min(max(share, 0.0), 1.0)
                    dz, dy, dx = dz - share * along[n, 0], dy - share * along[n, 1], dx - share * along[n, 2]
                    if dz * dz + dy * dy + dx * dx <= radius[n] ** 2:
                        found += 1
                        break
    out[0] = found


@compiled("f4[:, ::1]", "f4[:, ::1]")
def tube_box(tubes: Any, out: Any) -> None:
    """Find the corners ``[2, 3]`` of the smallest box that holds tubes ``[k, 7]`` (see :func:`tube_cores`)."""
    for a in range(3):
        out[0, a], out[1, a] = np.float32(np.inf), np.float32(-np.inf)
    for n in range(tubes.shape[0]):
        for a in range(3):
            first, second, radius = tubes[n, a], tubes[n, 3 + a], tubes[n, 6]
            out[0, a] = min(out[0, a], min(first, second) - radius)
            out[1, a] = max(out[1, a], max(first, second) + radius)


@compiled("f4[:, ::1]", "f4[:, ::1]", "f4", "f4[::1]")
def tube_cores(tubes: Any, points: Any, softness: Any, out: Any) -> None:
    """Share of the surroundings of points that a union of tubes fills.

    Parameters
    ----------
    tubes
        ``[k, 7]``: both ends and the radius of each.
    points
        ``[3, n]``.
    softness
        Width of the edge.
    out
        ``[n]``, to write to.
    """
    count = tubes.shape[0]
    along, square, box = np.empty((count, 3), np.float32), np.empty(count, np.float32), np.empty((2, 3), np.float32)
    for n in range(count):
        for a in range(3):
            along[n, a] = tubes[n, 3 + a] - tubes[n, a]
        length = (along[n, 0] * along[n, 0] + along[n, 1] * along[n, 1]) + along[n, 2] * along[n, 2]
        square[n] = max(length, np.float32(1e-6))
    tube_box(tubes, box)
    for a in range(3):  # nothing lies farther than the edge from the box of all
        box[0, a], box[1, a] = box[0, a] - softness, box[1, a] + softness
    for i in range(points.shape[1]):
        out[i] = _0
        z, y, x = points[0, i], points[1, i], points[2, i]
        if not (box[0, 0] <= z <= box[1, 0] and box[0, 1] <= y <= box[1, 1] and box[0, 2] <= x <= box[1, 2]):
            continue
        nearest = np.float32(np.inf)
        for n in range(count):
            dz, dy, dx = z - tubes[n, 0], y - tubes[n, 1], x - tubes[n, 2]
            there = ((dz * along[n, 0] + dy * along[n, 1]) + dx * along[n, 2]) / square[n]
            there = min(max(there, _0), _1)
            dz, dy, dx = dz - there * along[n, 0], dy - there * along[n, 1], dx - there * along[n, 2]
            nearest = min(nearest, math.sqrt((dz * dz + dy * dy) + dx * dx) - tubes[n, 6])
        out[i] = share(nearest, softness)
