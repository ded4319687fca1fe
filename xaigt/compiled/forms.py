"""The size function of :mod:`xaigt.lesions.forms`, which is evaluated some hundred times to find one lesion's form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_NEAREST = 1e-9  # the direction of the middle itself is none


@compiled(
    "b1", "f8[:, ::1]", "f8[:, ::1]", "f8", "f8[:, ::1]", "f8", "f8", "f8", "f8", "f8[:, ::1]", "f8[::1]"
)  # fmt: skip
def form_sizes(
    irregular: Any, points: Any, sides: Any, exponent: Any, directions: Any, width: Any, sharpness: Any, bulge: Any,
    slimness: Any, inverse: Any, out: Any,
) -> None:  # fmt: skip
    """Evaluate G at points ``[n, axes]``.

    Parameters
    ----------
    irregular, exponent, directions, sharpness, bulge, slimness
        As in ``xaigt.lesions.forms.Form``.
    points
        In half edges of the box from its middle.
    sides
        ``[axes, 2]``: distances of the box's sides from the middle.
    width
        Of lobes, in radians.
    inverse
        ``[axes, axes]``: inverse of the correlation of the axes of a round form.
    out
        ``[n]``, to write to.
    """
    count, axes = points.shape
    at = np.empty(axes)
    for i in range(count):
        square, outline, leaning = 0.0, 0.0, 0.0
        for a in range(axes):
            at[a] = points[i, a] / (sides[a, 0] if points[i, a] < 0 else sides[a, 1])
            square += at[a] * at[a]
            outline += abs(at[a]) ** exponent
        length = max(math.sqrt(square), _NEAREST)
        outline = outline ** (1 / exponent)
        cosine = -1.0
        for k in range(directions.shape[0]):
            along = 0.0
            for a in range(axes):
                along += at[a] / length * directions[k, a]
            cosine = max(cosine, along)
        lobes = math.exp(-((math.acos(min(cosine, 1.0)) / width) ** sharpness))
        if irregular:
            out[i] = outline / (1 - slimness * (1 - lobes))
            continue
        for a in range(axes):
            for b in range(axes):
                leaning += at[a] * inverse[a, b] * at[b]
        out[i] = outline * (math.sqrt(leaning) / length) / (1 + bulge * lobes)
