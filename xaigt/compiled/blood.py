"""The inside of a hematoma at points, which is read from one noise twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled
from xaigt.compiled.fields import value_at

PLAIN, LAYERS, PATCHES, SWIRLS = range(4)
"""What a hematoma shows beside its texture."""

_0, _1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)


@compiled()
def _mirrored(position: Any, extent: Any) -> Any:
    """Position (float32) mirrored into -extent..extent."""
    period = np.float32(4) * extent
    beside = position + extent
    beside -= period * np.floor(beside / period)
    return extent - abs(beside - np.float32(2) * extent)


@compiled()
def _noise(data: Any, extent: Any, scale: Any, z: Any, y: Any, x: Any) -> Any:
    """Noise ``[z, y, x]`` over -extent..extent at a position, mirrored at its ends."""
    return value_at(
        data,
        (_mirrored(z, extent) + extent) * scale,
        (_mirrored(y, extent) + extent) * scale,
        (_mirrored(x, extent) + extent) * scale,
    )


@compiled(
    "f4[:, :, ::1]", "f4", "f4", "UniTuple(f4, 3)", "f4", "i8", "UniTuple(f4, 3)", "UniTuple(f4, 3)",
    "UniTuple(f4, 2)", "f4[::1]", "f4[:, ::1]", "f4[::1]",
)  # fmt: skip
def blood_density(
    data: Any, extent: Any, scale: Any, centre: Any, unit: Any, kind: Any, level: Any, edge: Any, winding: Any,
    where: Any, points: Any, out: Any,
) -> None:  # fmt: skip
    """Evaluate ``xaigt.lesions.blood.density``.

    Parameters
    ----------
    data, extent, scale
        Noise ``[z, y, x]`` over -extent..extent along each axis, and voxels in a unit of that.
    centre, unit
        Positions are distances from a point over a unit.
    kind
        One of those above.
    level
        Density, the SD of its texture, and what the old part or the swirls add.
    edge
        Layers: their height, ripple and half width. Patches and swirls: noise at the middle of an edge (patches) or
        where it begins (swirls), and its width.
    winding
        How much finer the second noise is, and how far the first bends it.
    where
        ``[n]``: only where it is above 0.
    points
        ``[3, n]``.
    out
        ``[n]``, to write to; elsewhere `level`.
    """
    core, sd, other = level
    for i in range(points.shape[1]):
        out[i] = core
        if where[i] <= _0:
            continue
        z, y = (points[0, i] - centre[0]) / unit, (points[1, i] - centre[1]) / unit
        x = (points[2, i] - centre[2]) / unit
        texture = _noise(data, extent, scale, z, y, x)
        out[i] += sd * texture
        if kind == LAYERS:
            height = edge[0] + edge[1] * texture - points[1, i]
            share = _1 - min(max(_HALF + height / (np.float32(2) * edge[2]), _0), _1)
        elif kind == PLAIN:
            continue
        else:
            fine, bend = winding[0], winding[1] * texture + _1
            wound = _noise(data, extent, scale, fine * x + bend, fine * z + bend, fine * y + bend)
            begin = _HALF if kind == PATCHES else _0
            share = min(max(begin + (wound - edge[0]) / edge[1], _0), _1)
        out[i] += share * other
