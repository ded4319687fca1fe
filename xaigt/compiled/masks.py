"""Loops over masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled


@compiled("b1[:, :, :]", "i8[::1]")
def bounds(mask: Any, out: Any) -> None:
    """Find the smallest box that holds a mask ``[z, y, x]``.

    Parameters
    ----------
    mask
        Of any layout in memory.
    out
        ``[6]``, to write to: the first index along each axis, and one beyond the last; all 0 for an empty mask.
    """
    nz, ny, nx = mask.shape
    first_z, first_y, first_x, last_z, last_y, last_x = nz, ny, nx, -1, -1, -1
    for z in range(nz):
        for y in range(ny):
            begin = 0
            while begin < nx and not mask[z, y, begin]:
                begin += 1
            if begin < nx:
                end = nx - 1
                while end > last_x and not mask[z, y, end]:  # nearer than the last of other rows: no matter
                    end -= 1
                first_z, last_z = min(first_z, z), z
                first_y, last_y = min(first_y, y), max(last_y, y)
                first_x, last_x = min(first_x, begin), max(last_x, end)
    found = last_z >= 0
    out[0], out[1], out[2] = (first_z, first_y, first_x) if found else (0, 0, 0)
    out[3], out[4], out[5] = last_z + 1, last_y + 1, last_x + 1


@compiled("u1[:, :, ::1]", "i8[:, ::1]")
def bounds_of_each(numbers: Any, out: Any) -> None:
    """Find the smallest box that holds each number of an array ``[z, y, x]``.

    Parameters
    ----------
    numbers
        0 and what `out` has no row for are left out.
    out
        ``[n + 1, 6]``, to write to: for each number, what :func:`bounds` says.
    """
    out[:] = 0
    for z in range(numbers.shape[0]):
        for y in range(numbers.shape[1]):
            some = np.uint8(0)
            for x in range(numbers.shape[2]):  # many voxels in one instruction
                some |= numbers[z, y, x]
            if some == 0:
                continue
            for x in range(numbers.shape[2]):
                number = numbers[z, y, x]
                if number == 0 or number >= out.shape[0]:
                    continue
                box = out[number]
                if box[3] == 0:  # its first voxel
                    box[0], box[1], box[2] = z, y, x
                box[1], box[2] = min(box[1], y), min(box[2], x)
                box[3], box[4], box[5] = z + 1, max(box[4], y + 1), max(box[5], x + 1)


@compiled("b1[:, :, :]", "f4[:, :, :]", "f4[:, :, :]", "f8[::1]")
def tally(mask: Any, image: Any, without: Any, out: Any) -> None:
    """Sum up what an image is inside a mask, and how much it is more than another there.

    Parameters
    ----------
    mask, image, without
        ``[z, y, x]``, of any layout in memory.
    out
        ``[7]``, to write to: how many voxels; the sums of their indices z, y and x, of the image, and of the
        differences; and the difference of the largest size, the first of them if there are several.
    """
    out[:] = 0
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for x in range(mask.shape[2]):
                if not mask[z, y, x]:
                    continue
                change = image[z, y, x] - without[z, y, x]
                out[0] += 1
                out[1] += z
                out[2] += y
                out[3] += x
                out[4] += image[z, y, x]
                out[5] += change
                if abs(change) > abs(out[6]):
                    out[6] = change


@compiled("b1[:, :, :]", "i8[:, ::1]", "i8[::1]")
def crossings(mask: Any, offsets: Any, out: Any) -> None:
    """Count where lines through the voxel centres cross the border of a mask ``[z, y, x]``; beyond it there is none.

    Parameters
    ----------
    mask
        Of any layout in memory.
    offsets
        ``[n, 3]``: for each direction, the step (z, y, x) to the next voxel on a line.
    out
        ``[n]``, to write to: one for each pair of neighbours on a line of which one belongs to the mask.
    """
    nz, ny, nx = mask.shape
    out[:] = 0
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if not mask[z, y, x]:
                    continue
                for i in range(offsets.shape[0]):
                    for sign in (-1, 1):
                        a, b, c = z + sign * offsets[i, 0], y + sign * offsets[i, 1], x + sign * offsets[i, 2]
                        within = 0 <= a < nz and 0 <= b < ny and 0 <= c < nx
                        if not (within and mask[a, b, c]):
                            out[i] += 1
