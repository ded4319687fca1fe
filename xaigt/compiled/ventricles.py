"""Which part of the ventricles a point lies in, see :mod:`xaigt.lesions.families.intraventricular`."""

from __future__ import annotations

from typing import Any

from xaigt.compiled import compiled


@compiled("f8", "f8[:, ::1]", "f4[::1]", "f8", "UniTuple(UniTuple(f8, 2), 2)", "f8[::1]")
def outside_side(side: Any, points: Any, ventricles: Any, midline: Any, cavities: Any, out: Any) -> None:
    """Find the distance (mm) of points to the ventricles of one side: negative inside.

    Parameters
    ----------
    side
        -1 (left) or 1.
    points
        ``[n, 3]`` of template space.
    ventricles
        ``[n]``: their depth in any of the ventricles.
    midline
        Distance (mm) from the midline up to which a point belongs to no side.
    cavities
        Of the midline's cavities, how far (mm) they reach to a side, and up to what height.
    out
        ``[n]``, to write to.
    """
    for i in range(points.shape[0]):
        height, across = points[i, 0], side * points[i, 2]
        outside = max(-ventricles[i], midline - across)
        for width, top in cavities:
            outside = max(outside, min(width - across, top - height))
        out[i] = outside
