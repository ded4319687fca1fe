"""How far points are from the border of a sheet of dura, see :func:`xaigt.lesions.sheets.border`."""

from __future__ import annotations

from typing import Any

from xaigt.compiled import compiled
from xaigt.compiled.falx import falx_border


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
        z, y, x = points[i, 0] * scale[0], points[i, 1] * scale[1], side * points[i, 2] * scale[2]
        if falx:
            beyond = falx_border(z, y, depth[i], tent)
        else:
            notch = max(0.6 * (y + 55) + 7, 3.0)
            beyond = max(max(notch - x, x - 56), y + 33)
        out[i] = max(beyond, -depth[i])
