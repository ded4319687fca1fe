"""Unions of round-ended tubes: their box and volume, by the points of a lattice that lie inside, and what they fill."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled
from xaigt.compiled.cores import share

_0, _1 = np.float32(0), np.float32(1)


@compiled()
def _points(extent: Any, step: Any) -> Any:
    return max(np.int64(math.ceil(extent / step)), 2)


@compiled()
def _reached(tubes: Any, axis: Any, place: Any, among: Any, count: Any, out: Any, everyone: Any) -> Any:
    """Write which tubes reach a place along an axis, of all or of the first of some; return how many do."""
    kept = 0
    for k in range(count):
        n = k if everyone else among[k]
        low, high = min(tubes[n, axis], tubes[n, 3 + axis]), max(tubes[n, axis], tubes[n, 3 + axis])
        if low - tubes[n, 6] <= place <= high + tubes[n, 6]:
            out[kept] = n
            kept += 1
    return kept


@compiled()
def _inside(tubes: Any, n: Any, square: Any, z: Any, y: Any, x: Any) -> Any:
    """Whether a point lies in a tube whose length has that square."""
    dz, dy, dx = z - tubes[n, 0], y - tubes[n, 1], x - tubes[n, 2]
    if square > 0:
        along_z, along_y, along_x = tubes[n, 3] - tubes[n, 0], tubes[n, 4] - tubes[n, 1], tubes[n, 5] - tubes[n, 2]
        share = min(max((dz * along_z + dy * along_y + dx * along_x) / square, 0.0), 1.0)
        dz, dy, dx = dz - share * along_z, dy - share * along_y, dx - share * along_x
    return dz * dz + dy * dy + dx * dx <= tubes[n, 6] ** 2


@compiled("f8[:, ::1]", "f8", "f8", "f8[::1]")
def measure_tubes(tubes: Any, points: Any, finest: Any, out: Any) -> None:
    """Find the smallest box that holds some tubes, and their volume.

    Parameters
    ----------
    tubes
        ``[n, 7]``: start, end and radius of tubes, which end in half balls (mm).
    points
        How many points the lattice that fills the box has, roughly.
    finest
        Least distance between them (mm).
    out
        ``[7]``, to write to: lowest and highest corner of the box, and the volume (mm3).
    """
    count = len(tubes)
    for axis in range(3):
        out[axis], out[3 + axis] = np.inf, -np.inf
        for n in range(count):
            start, end, radius = tubes[n, axis], tubes[n, 3 + axis], tubes[n, 6]
            out[axis] = min(out[axis], min(start, end) - radius)
            out[3 + axis] = max(out[3 + axis], max(start, end) + radius)
    extents = (out[3] - out[0], out[4] - out[1], out[5] - out[2])
    step = max(((extents[0] * extents[1]) * extents[2] / points) ** (1 / 3), finest)
    counts = (_points(extents[0], step), _points(extents[1], step), _points(extents[2], step))
    widths = (extents[0] / counts[0], extents[1] / counts[1], extents[2] / counts[2])
    squares, near, nearer = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64)
    for n in range(count):
        squares[n] = 0.0
        for axis in range(3):
            squares[n] += (tubes[n, 3 + axis] - tubes[n, axis]) ** 2
    found = 0
    for a in range(counts[0]):
        z = out[0] + widths[0] / 2 + a * widths[0]
        level = _reached(tubes, 0, z, near, count, near, True)
        for b in range(counts[1]):
            y = out[1] + widths[1] / 2 + b * widths[1]
            row = _reached(tubes, 1, y, near, level, nearer, False)
            for c in range(counts[2]):
                x = out[2] + widths[2] / 2 + c * widths[2]
                for k in range(row):
                    if _inside(tubes, nearer[k], squares[nearer[k]], z, y, x):
                        found += 1
                        break
    out[6] = found * ((widths[0] * widths[1]) * widths[2])


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
