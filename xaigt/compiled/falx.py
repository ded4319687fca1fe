"""What a dense falx fills of the surroundings of points, in single precision."""

from __future__ import annotations

import math
from typing import Any

from xaigt.compiled import compiled
from xaigt.compiled.cores import share


@compiled()
def falx_border(z: Any, y: Any, depth: Any, tent: Any) -> Any:
    """Distance (mm), roughly, to the border of the falx along it, see ``xaigt.lesions.sheets.border``."""
    floor = -10.0
    if y < -45:
        a, b, c, d, e, f = tent
        u, v = (y + 60) / 20, -25 / 20
        floor = ((a + b * u + c * v) + (d * u * u + e * u * v + f * v * v)) + 12
    reach = 26 + 20 * min(max((40 - y) / 80, 0.0), 1.0)
    return max(max(depth - reach, floor - z), y - 70)


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
            out[i] = share(max(outside, falx_border(z, y, depth[i], tent)), softness)
