"""What lesions made of blood fill of the surroundings of points (0..1), in single precision.

Each loop does what the family's own formula does on other devices. A core follows from the distance to the lesion's
edge, which is `softness` mm wide; what lies outside one of several borders lies outside all of them, so the nearest
answer comes first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _1, _2, _4, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(4), np.float32(0.5)
_TINY, _SMALL = np.float32(1e-6), np.float32(1e-3)  # no length, and no distance
_BEND, _TAPER = np.float32(0.3), np.float32(2)  # of a film's thickness by noise: how far, and the SDs it is cut at


@compiled()
def share(outside: Any, softness: Any) -> Any:
    """Share of the surroundings of a point inside a border at a distance."""
    return min(max(_HALF - outside / softness, _0), _1)


@compiled("f4[:, ::1]", "f4[::1]", "f4[::1]", "UniTuple(f4, 3)", "f4", "f4", "f4", "f4[::1]")
def film_cores(
    points: Any, depth: Any, noise: Any, centre: Any, radius: Any, thickness: Any, softness: Any, out: Any
) -> None:
    """Evaluate a film under the inner table at points ``[3, n]``, of which depth and noise are known.

    See ``xaigt.lesions.families.skull_edge``.
    """
    for i in range(points.shape[1]):
        z, y, x = points[0, i] - centre[0], points[1, i] - centre[1], points[2, i] - centre[2]
        along = math.sqrt((z * z + y * y) + x * x) / radius
        bent = _1 + _BEND * min(max(noise[i], -_TAPER), _TAPER)
        outside = depth[i] - thickness * max(_1 - along * along, -_1) * bent
        out[i] = share(max(outside, -depth[i]), softness)


@compiled()
def _beyond_folds(folds: Any, z: Any, y: Any, x: Any) -> Any:
    """Distance beyond the nearest of some planes; a row of `folds` is the normal of one and its offset."""
    outside = np.float32(-np.inf)
    for k in range(folds.shape[0]):
        along = (folds[k, 0] * z + folds[k, 1] * y) + folds[k, 2] * x
        outside = max(outside, folds[k, 3] - along)
    return outside


@compiled()
def _tangential(frame: Any, stretch: Any, z: Any, y: Any, x: Any) -> Any:
    """Distance along a sphere from the centre of a layer; rows of `frame` are as for :func:`layer_cores`."""
    length = max(math.sqrt((z * z + y * y) + x * x), _SMALL)
    cosine = ((frame[0, 0] * z + frame[0, 1] * y) + frame[0, 2] * x) / length
    u = ((frame[1, 0] * z + frame[1, 1] * y) + frame[1, 2] * x) / length
    v = ((frame[2, 0] * z + frame[2, 1] * y) + frame[2, 2] * x) / length
    sine = max(math.sqrt(u * u + v * v), _TINY)
    ahead, aside = u / sine / stretch, v / sine
    return math.acos(min(max(cosine, -_1), _1)) * math.sqrt(ahead * ahead + aside * aside)


@compiled(
    "f4[:, ::1]", "f4[:, ::1]", "f4[::1]", "f4[::1]", "b1", "UniTuple(f4, 3)", "f4[:, ::1]", "UniTuple(f4, 4)",
    "f4", "f4", "f4[:, ::1]", "f4", "f4[::1]",
)  # fmt: skip
def layer_cores(
    points: Any, at: Any, depth: Any, noise: Any, lens: Any, origin: Any, frame: Any, form: Any, roughness: Any,
    dura: Any, folds: Any, softness: Any, out: Any,
) -> None:  # fmt: skip
    """Evaluate a layer under the inner table at points.

    Parameters
    ----------
    points, at, depth, noise
        ``[3, n]`` in scanner and template space, and ``[n]``.
    lens
        Whether it is one, or a crescent.
    origin, frame
        The middle of the head, and rows ``[3, 3]``: normal and both tangents at the layer's centre.
    form
        Distance of the centre from the origin, stretch, ratio and level of ``xaigt.lesions.shell.Layer``.
    roughness
        How far noise bends it.
    dura, folds
        How far from the inner table it begins, and the half-spaces ``[k, 4]`` it lies in: normal and offset.
    softness
        Width of its edge.
    out
        ``[n]``, to write to.
    """
    sphere, stretch, ratio, level = form
    far = _HALF * softness
    for i in range(points.shape[1]):
        out[i] = _0
        outside = max(dura - depth[i], _beyond_folds(folds, at[0, i], at[1, i], at[2, i]))
        if outside >= far:
            continue
        z, y, x = points[0, i] - origin[0], points[1, i] - origin[1], points[2, i] - origin[2]
        along, scaled = sphere * _tangential(frame, stretch, z, y, x), max(depth[i], _0) / ratio
        if lens:
            size = (scaled + math.sqrt(scaled * scaled + _4 * (along * along))) / _2
        else:
            square, other = scaled * scaled, along * along
            size = math.sqrt(math.sqrt(square * square + other * other))
        size *= _1 + roughness * noise[i]
        out[i] = share(max(outside, (size - level) * ratio), softness)


@compiled(
    "f4[:, ::1]", "f4[:, ::1]", "f4[::1]", "f4[::1]", "f4", "f4", "i8", "f4", "UniTuple(f4, 2)", "UniTuple(f4, 2)",
    "f4", "f4[::1]",
)  # fmt: skip
def pool_cores(
    points: Any, at: Any, ventricles: Any, noise: Any, ripple: Any, level: Any, side: Any, midline: Any, third: Any,
    fourth: Any, softness: Any, out: Any,
) -> None:  # fmt: skip
    """Evaluate blood that has sunk to the back of the ventricles at points.

    Parameters
    ----------
    points, at, ventricles, noise
        ``[3, n]`` in scanner and template space, and ``[n]``.
    ripple, level, side, midline, third, fourth
        As in ``xaigt.lesions.families.intraventricular``.
    softness
        Width of its edge.
    out
        ``[n]``, to write to.
    """
    for i in range(points.shape[1]):
        outside = -ventricles[i]
        if side != 0:
            height, across = at[0, i], np.float32(side) * at[2, i]
            outside = max(outside, midline - across)
            outside = max(outside, min(third[0] - across, third[1] - height))
            outside = max(outside, min(fourth[0] - across, fourth[1] - height))
        out[i] = share(max(points[1, i] + ripple * noise[i] - level, outside), softness)


@compiled(
    "f4[:, ::1]", "f4[::1]", "UniTuple(f4[::1], 3)", "UniTuple(f4, 3)", "f4", "f4", "f4", "f4", "f4",
    "UniTuple(f4, 3)", "f4", "f4[::1]",
)  # fmt: skip
def spread_cores(
    points: Any, noise: Any, fields: Any, centre: Any, flatness: Any, roughness: Any, most: Any, level: Any,
    reach: Any, fluid: Any, softness: Any, out: Any,
) -> None:  # fmt: skip
    """Evaluate blood in the fluid of sulci and cisterns at points.

    Parameters
    ----------
    points, noise
        ``[3, n]`` in scanner space, and ``[n]``.
    fields
        Share of fluid there, distance inside the ventricles' walls, and depth under the inner table: each ``[n]``.
    centre, flatness, roughness, most, level, reach
        Where it starts, how much flatter than a ball it is, how far noise bends it and where that is cut, and what
        bounds it; as in ``xaigt.lesions.families.subarachnoid``.
    fluid
        Shares of fluid from which blood lies there, and shows in full; how far it keeps from the inner table.
    softness
        Width of its edge.
    out
        ``[n]``, to write to.
    """
    csf, ventricles, depth = fields
    for i in range(points.shape[1]):
        out[i] = _0
        z, y, x = flatness * (points[0, i] - centre[0]), points[1, i] - centre[1], points[2, i] - centre[2]
        away = math.sqrt((z * z + y * y) + x * x)
        if csf[i] <= fluid[0] or away > reach:
            continue
        near = share(away * (_1 + roughness * min(max(noise[i], -most), most)) - level, softness)
        filled = min(max((csf[i] - fluid[0]) / (fluid[1] - fluid[0]) + _HALF, _0), _1)
        out[i] = near * filled * (share(ventricles[i], softness) * share(fluid[2] - depth[i], softness))
