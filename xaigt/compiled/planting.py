"""Loops that plant a lesion into an image: its box, its share of each voxel, and blending."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_LEAST = np.float32(0.05)  # share of soft tissue in a voxel below which it has no value of its own
_AXIS = "Array(float64, 1, 'C', readonly=True)"


@compiled(
    _AXIS, _AXIS, _AXIS, "UniTuple(f8, 3)", "UniTuple(f8, 3)", "f8", "UniTuple(f8, 3)", "UniTuple(f8, 3)", "f8",
    "i8[:, ::1]",
)  # fmt: skip
def near_box(
    axis_z: Any, axis_y: Any, axis_x: Any, voxel: Any, centre: Any, reach: Any, low: Any, high: Any, spacing: Any,
    out: Any,
) -> None:  # fmt: skip
    """Find the voxels of a grid within a distance of a point, and within a box.

    Parameters
    ----------
    axis_z, axis_y, axis_x
        Coordinates of voxel centres.
    voxel
        (z, y, x) extent of one.
    centre, reach
        The point and the distance.
    low, high
        Corners of the box; half of `spacing` more belongs to it.
    out
        ``[3, 2]``, to write to: along each axis the first voxel and one beyond the last; 0 and 0 if there is none.
    """
    for number in range(3):
        out[number, 0], out[number, 1] = 0, 0
    for number in range(3):
        axis = axis_z if number == 0 else (axis_y if number == 1 else axis_x)
        edge, half, least = (voxel[number] + spacing) / 2, voxel[number] / 2, math.inf
        for i in range(axis.shape[0]):
            distance = max(abs(axis[i] - centre[number]) - half, 0.0)
            if distance <= reach and low[number] - edge <= axis[i] <= high[number] + edge:
                if out[number, 1] == 0:
                    out[number, 0] = i
                out[number, 1] = i + 1
                least = min(least, distance)
        if out[number, 1] == 0:
            return
        if number == 0:  # planes that miss the centre cut a smaller disc out of the sphere
            reach = math.sqrt(max(reach**2 - least**2, 0.0))


@compiled(_AXIS, _AXIS, _AXIS, "i8[::1]", "f4[:, ::1]", "f4[:, :, ::1]")
def points_inside_voxels(axis_z: Any, axis_y: Any, axis_x: Any, where: Any, offsets: Any, out: Any) -> None:
    """Coordinates ``[3, n, k]`` of points inside some voxels, written to `out`.

    Parameters
    ----------
    axis_z, axis_y, axis_x
        Coordinates of voxel centres.
    where
        ``[n]``: numbers of the voxels in the lattice ``[z, y, x]`` of those.
    offsets
        ``[3, k]``: where the points lie from a centre.
    """
    ny, nx = axis_y.shape[0], axis_x.shape[0]
    for i in range(where.shape[0]):
        row, column = divmod(where[i], nx)
        plane, row = divmod(row, ny)
        z, y, x = np.float32(axis_z[plane]), np.float32(axis_y[row]), np.float32(axis_x[column])
        for k in range(offsets.shape[1]):
            out[0, i, k], out[1, i, k], out[2, i, k] = z + offsets[0, k], y + offsets[1, k], x + offsets[2, k]


@compiled("f4[:, :]", "f4[:, :]", "f4[:, :]", "i8[::1]", "f4[::1]", "f4[::1]", "f4[::1]")
def voxel_means(core: Any, value: Any, oedema: Any, where: Any, cores: Any, fillings: Any, oedemas: Any) -> None:
    """Means over points ``[n, k]`` inside voxels of a lesion's core, of that times its value, and of its oedema.

    They are written to places `where` ``[n]`` of the last three arrays.
    """
    count = np.float32(core.shape[1])
    for i in range(core.shape[0]):
        share, filling, around = _0, _0, _0
        for k in range(core.shape[1]):
            share += core[i, k]
            filling += core[i, k] * value[i, k]
            around += oedema[i, k]
        voxel = where[i]
        cores[voxel], fillings[voxel], oedemas[voxel] = share / count, filling / count, around / count


@compiled(
    "UniTuple(f4[:, :, :], 3)", "UniTuple(f4, 3)", "f4[:, :, ::1]", "f4[:, :, ::1]", "f4[:, :, ::1]", "b1[:, :, :]",
    "b1", "f4", "f4", "f8", "u1", "f4[:, :, :]", "u1[:, :, :]", "f4[:, :, :]", "f4[:, :, :]",
)  # fmt: skip
def blend(
    tissue: Any, levels: Any, core: Any, filling: Any, oedema: Any, exact: Any, additive: Any, shift: Any,
    grey_share: Any, contrast: Any, number: Any, image: Any, instance: Any, cores: Any, oedemas: Any,
) -> None:  # fmt: skip
    """Blend a lesion into a part ``[z, y, x]`` of an image; where two meet, the fuller one owns the voxel.

    A lesion replaces the soft tissue of a voxel, not the share of bone beside it; and not an earlier lesion.

    Parameters
    ----------
    tissue, levels
        Shares of grey matter, white matter and fluid, and the image values of those.
    core, filling, oedema, additive, shift
        As in ``xaigt.synthesis.cover.Cover``; `filling` is written over.
    exact
        Voxels that belong to the lesion, if that is known; else empty: those it fills half of.
    grey_share
        How much oedema grey matter takes.
    contrast
        Mean contrast to bring the lesion to at full coverage; 0: as it is.
    number
        Of the lesion.
    image, instance, cores, oedemas
        The image, the numbers of lesions, and the shares of voxels that lesions and their oedema fill; to write to.
    """
    grey, white, fluid = tissue
    nz, ny, nx = core.shape
    known, total, full = exact.shape[0] > 0, 0.0, 0.0
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                share = core[z, y, x]
                if share <= _0:
                    continue
                if not additive:
                    soft = grey[z, y, x] + white[z, y, x] + fluid[z, y, x]
                    mean = levels[0] * grey[z, y, x] + levels[1] * white[z, y, x] + levels[2] * fluid[z, y, x]
                    filling[z, y, x] -= share * (mean / soft if soft > _LEAST else levels[1])
                if exact[z, y, x] if known else share >= _HALF:
                    total += np.float64(filling[z, y, x])
                    full += np.float64(share)
    gain = _1
    if contrast > 0 and total != 0:
        gain = np.float32(contrast / (abs(total) / max(full, 1e-6)))
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                share, around, before = core[z, y, x], oedema[z, y, x], cores[z, y, x]
                if share <= _0 and around <= _0:
                    continue
                matter = white[z, y, x] + grey_share * grey[z, y, x]
                room = _1 - before
                image[z, y, x] += room * gain * (around * matter * shift + filling[z, y, x])
                if share > before and room > _0 and (exact[z, y, x] if known else share >= _HALF):
                    instance[z, y, x] = number
                cores[z, y, x] = max(before, share)
                oedemas[z, y, x] = max(oedemas[z, y, x], around)
