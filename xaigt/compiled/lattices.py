"""Loops over the rectangular lattices that lesions are resolved on, given by the coordinates along their axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled


@compiled()
def _places(axis: Any, centre: Any, scale: Any, origin: Any, spacing: Any, count: Any, low: Any, share: Any) -> None:
    """Find where along an axis of values some coordinates lie: the value before each, and the way to the next."""
    for i in range(len(axis)):
        position = min(max(((axis[i] - centre) / scale - origin) / spacing, 0.0), count - 1.0)
        low[i] = min(int(position), count - 2)
        share[i] = position - low[i]


@compiled()
def _between(below: Any, above: Any, share: Any) -> Any:
    return below + share * (above - below)


@compiled(
    "f4[:, :, :]", "f8", "f8", "f8[::1]", "f8[::1]", "f8[::1]", "UniTuple(f8, 3)", "f8", "i8[::1]", "f4[::1]"
)  # fmt: skip
def values_on(
    values: Any, origin: Any, spacing: Any, along_z: Any, along_y: Any, along_x: Any, centre: Any, scale: Any,
    index: Any, out: Any,
) -> None:  # fmt: skip
    """Interpolate values at points of a lattice, along one axis after the other; beyond them their border is read.

    Parameters
    ----------
    values, origin, spacing
        ``[z, y, x]``; the coordinate of the first and the distance between them, alike along each axis.
    along_z, along_y, along_x
        Coordinates of the lattice.
    centre, scale
        What is taken from a position (z, y, x), and what it is then divided by, to give a coordinate of the values.
    index
        ``[n]``: numbers of the points that are wanted, those of one z and y together; empty: all points.
    out
        ``[n]``, or as many as there are points: to write to.
    """
    nz, ny, nx = values.shape
    low_z, low_y, low_x = (
        np.empty(len(along_z), np.int64), np.empty(len(along_y), np.int64), np.empty(len(along_x), np.int64),
    )  # fmt: skip
    up, ahead, away = (
        np.empty(len(along_z), np.float32), np.empty(len(along_y), np.float32), np.empty(len(along_x), np.float32),
    )  # fmt: skip
    _places(along_z, centre[0], scale, origin, spacing, nz, low_z, up)
    _places(along_y, centre[1], scale, origin, spacing, ny, low_y, ahead)
    _places(along_x, centre[2], scale, origin, spacing, nx, low_x, away)
    # The values between which a row of the lattice lies, brought to its z and y.
    row, last = np.empty(nx, np.float32), -1
    for i in range(len(out)):
        number = index[i] if len(index) else i
        k = number % len(along_x)
        if number // len(along_x) != last:
            last = number // len(along_x)
            a, b = last // len(along_y), last % len(along_y)
            c, d = low_z[a], low_y[b]
            for x in range(nx):
                back = _between(values[c, d, x], values[c + 1, d, x], up[a])
                row[x] = _between(back, _between(values[c, d + 1, x], values[c + 1, d + 1, x], up[a]), ahead[b])
        out[i] = _between(row[low_x[k]], row[low_x[k] + 1], away[k])


@compiled("f8[::1]", "f8[::1]", "f8[::1]", "i8[::1]", "f8[:, ::1]")
def points_at(along_z: Any, along_y: Any, along_x: Any, index: Any, out: Any) -> None:
    """Write points ``[n, 3]`` of a lattice by their numbers ``[n]``."""
    ny, nx = len(along_y), len(along_x)
    for i in range(len(index)):
        row = index[i] // nx
        out[i, 0], out[i, 1], out[i, 2] = along_z[row // ny], along_y[row % ny], along_x[index[i] % nx]


@compiled("b1[:, :, ::1]", "i8", "b1[:, :, ::1]")
def enlarge(blocks: Any, edge: Any, out: Any) -> None:
    """Write to each point of a lattice ``[z, y, x]`` what holds for its block, `edge` points wide."""
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            row, held = out[z, y], blocks[z // edge, y // edge]
            for block in range(len(held)):
                row[block * edge : (block + 1) * edge] = held[block]


@compiled("f8[::1]", "f8[::1]", "f8", "f8", "f8", "f8[::1]", "i8[::1]")
def fullest_slices(heights: Any, volumes: Any, step: Any, low: Any, width: Any, area: Any, out: Any) -> None:
    """Find the slices about the fullest one that hold a third of what it holds, or more.

    Parameters
    ----------
    heights, volumes
        Of points, ``[n]`` (mm, mm3).
    step
        Distance (mm) over which the volume of each is spread.
    low, width
        Where the first slice begins, and how thick slices are (mm).
    area
        ``[slices]``, to write to: what each holds.
    out
        ``[2]``, to write to: the first and the last of them.
    """
    last = len(area) - 1
    parts = max(1, math.ceil(2 * step / width))
    area[:] = 0.0
    for i in range(len(heights)):
        for part in range(parts):
            place = (heights[i] + ((part + 0.5) / parts - 0.5) * step - low) // width
            area[int(min(max(place, 0.0), float(last)))] += volumes[i] / parts
    fullest = int(np.argmax(area))
    out[0], out[1] = fullest, fullest
    while out[0] > 0 and 3 * area[out[0] - 1] >= area[fullest]:
        out[0] -= 1
    while out[1] < last and 3 * area[out[1] + 1] >= area[fullest]:
        out[1] += 1
