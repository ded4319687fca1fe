"""Beam hardening, voxel by voxel; the formula is that of :mod:`xaigt.synthesis.beam`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _1, _HALF, _18 = np.float32(0), np.float32(1), np.float32(0.5), np.float32(18)
_TURN = np.float32(2 * math.pi)
_NOTHING = np.float32(9.2)  # an exponent below minus this makes less than a ten-thousandth


@compiled("f4[::1]", "f4", "f4", "f4[::1]")
def rim(depth: Any, amplitude: Any, scale: Any, out: Any) -> None:
    """Brightness under the inner table, and 0 outside it.

    Parameters
    ----------
    depth
        Under the inner table (mm), ``[n]`` float32.
    amplitude, scale
        Brightness at the table, and the depth (mm) over which it falls to 1 / e.
    out
        ``[n]``, to write to.
    """
    for i in range(out.shape[0]):
        out[i] = amplitude * math.exp(-depth[i] / scale) if depth[i] > _0 else _0


@compiled("f4[:, ::1]", "f4[::1]", "f4", "f4", "UniTuple(f4, 2)", "UniTuple(f4, 5)", "f4[::1]")
def add_bar(places: Any, depth: Any, amplitude: Any, phase: Any, middle: Any, sizes: Any, out: Any) -> None:
    """Add the dark band between the petrous bones, its bright borders and its streaks, inside the inner table.

    Parameters
    ----------
    places
        (z, y, x) of template space (mm), ``[3, n]`` float32.
    depth
        Under the inner table (mm), ``[n]``.
    amplitude, phase
        Of the band; where the streaks lie, in turns.
    middle
        Height z and place y of the band (mm).
    sizes
        Extent (mm) along z, y and x; distance of streaks (mm); their share of the amplitude.
    out
        ``[n]``, added to.
    """
    height, wide, beside, streak, share = sizes
    for i in range(out.shape[0]):
        if not depth[i] > _0:
            continue
        up, away = (places[0, i] - middle[0]) / height, places[2, i] / beside
        far = up * up + (away * away) * (away * away)
        across = (places[1, i] - middle[1]) / wide
        square = across * across
        if far > _NOTHING or square > _18 * _NOTHING:
            continue
        band = -(_1 - square) * math.exp(-_HALF * square)
        turns = (places[1, i] + np.float32(0.25) * places[2, i]) / streak + phase
        streaks = share * math.cos(_TURN * turns) * math.exp(-square / _18)
        out[i] += amplitude * math.exp(-far) * (band + streaks)
