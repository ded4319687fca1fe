"""Sheets of dura at a few thousand points of template space, as :mod:`xaigt.lesions.sheets` describes them."""

from __future__ import annotations

import math
from typing import Any

from xaigt.compiled import compiled
from xaigt.compiled.cores import share

PLAIN = (1.0, 1.0, 1.0)  # the scale of MNI space


@compiled()
def _tent(form: Any, y: Any, x: Any) -> Any:
    """Height of the tentorium at y and x of MNI space."""
    a, b, c, d, e, f = form
    u, v = (y + 60) / 20, (abs(x) - 25) / 20
    return (a + b * u + c * v) + (d * u * u + e * u * v + f * v * v)


@compiled()
def _beyond(falx: Any, side: Any, scale: Any, form: Any, z: Any, y: Any, x: Any, depth: Any) -> Any:
    """Distance to the border of a sheet along it."""
    z, y, x = z * scale[0], y * scale[1], side * x * scale[2]
    if falx:
        reach = 26 + 20 * min(max((40 - y) / 80, 0.0), 1.0)
        floor = _tent(form, y, 0.0) + 12 if y < -45 else -10.0
        return max(max(depth - reach, floor - z), y - 70)
    notch = max(0.6 * (y + 55) + 7, 3.0)
    return max(max(notch - x, x - 56), y + 33)


@compiled("b1", "f8", "UniTuple(f8, 3)", "UniTuple(f8, 6)", "f8[:, ::1]", "f4[::1]", "f8[::1]")
def beyond_sheet(falx: Any, side: Any, scale: Any, tent: Any, points: Any, depth: Any, out: Any) -> None:
    """Find the distance (mm), roughly, of points of a sheet to its border or to the inner table: negative inside.

    Parameters
    ----------
    falx, side
        Which sheet (else the tentorium), and its side.
    scale
        (z, y, x): a position times this is the one in MNI space.
    tent
        The tentorium's coefficients.
    points
        ``[n, 3]`` of template space.
    depth
        ``[n]``: their depth under the inner table (mm).
    out
        ``[n]``, to write to.
    """
    for i in range(points.shape[0]):
        beyond = _beyond(falx, side, scale, tent, points[i, 0], points[i, 1], points[i, 2], depth[i])
        out[i] = max(beyond, -depth[i])


@compiled(
    "b1", "f8", "UniTuple(f8, 3)", "UniTuple(f8, 6)", "UniTuple(f8, 3)", "f8", "f8", "UniTuple(f8, 3)", "f8", "f8",
    "f8[:, :, ::1]", "f8[:, ::1]", "b1[:, ::1]",
)  # fmt: skip
def sheet_sizes(
    falx: Any, side: Any, scale: Any, tent: Any, centre: Any, ratio: Any, stretch: Any, dura: Any, roughness: Any,
    least: Any, points: Any, size: Any, free: Any,
) -> None:  # fmt: skip
    """Evaluate the size function of a layer along a sheet, and where it may lie.

    Parameters
    ----------
    falx, side, scale, tent
        As in :func:`beyond_sheet`.
    centre, ratio, stretch
        Its centre, its thickness over its radius, and by how much it is longer from front to back.
    dura
        Half the thickness of the dura, how steep the tentorium is, and how thick a layer may be (mm).
    roughness
        How far noise bends its size.
    least
        Depth from which it may lie (mm).
    points
        ``[n, k, 5]``: position in template space (z, y, x; mm), depth and noise.
    size, free
        ``[n, k]``, to write to.
    """
    half, slope, thickest = dura
    for i in range(points.shape[0]):
        for j in range(points.shape[1]):
            z, y, x, depth, noise = points[i, j]
            distance = side * x - half
            across = z - centre[0]
            if not falx:
                distance = slope * (z - _tent(tent, y * scale[1], x * scale[2]) / scale[0]) - half
                across = x - centre[2]
            ahead = (y - centre[1]) / stretch
            along, scaled = ahead * ahead + across * across, max(distance, 0.0) / ratio
            square = scaled * scaled
            size[i, j] = math.sqrt(math.sqrt(square * square + along * along)) * (1 + roughness * noise)
            within = 0 <= distance <= thickest and depth >= least
            free[i, j] = within and _beyond(falx, side, scale, tent, z, y, x, depth) <= 0


@compiled("f4[:, ::1]", "f4[::1]", "UniTuple(f8, 6)", "UniTuple(f8, 3)", "f8", "f8", "f8", "f4[::1]")
def falx_cores(at: Any, depth: Any, tent: Any, middle: Any, radius: Any, half: Any, softness: Any, out: Any) -> None:
    """Evaluate a disc of the falx that thins to its edge.

    Parameters
    ----------
    at, depth
        Points ``[3, n]`` of template space, and their depth ``[n]`` under the inner table.
    tent
        Coefficients of the tentorium.
    middle, radius, half
        Of the disc: where it lies, how large it is, and half its thickness in the middle.
    softness
        Width of its edge.
    out
        ``[n]``, to write to.
    """
    far = 0.5 * softness
    for i in range(at.shape[1]):
        out[i] = 0
        z, y = at[0, i], at[1, i]
        along = math.hypot(z - middle[0], y - middle[1])
        thickness = half * math.sqrt(max(1 - (along / radius) ** 2, 0.0))
        outside = max(max(along - radius, abs(at[2, i]) - thickness), 0.5 - depth[i])
        if outside < far:
            out[i] = share(max(outside, _beyond(True, 1.0, PLAIN, tent, z, y, at[2, i], depth[i])), softness)
