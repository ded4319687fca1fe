"""Weighted sums along the axes of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled


@compiled()
def _four(values: Any, i: Any, row: Any, k: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Weighted sum of four rows in turn, at one place."""
    return (a * values[i, row, k] + b * values[i, row + 1, k]) + (c * values[i, row + 2, k] + d * values[i, row + 3, k])


@compiled("f4[:, :, ::1]", "i8[::1]", "f4[:, ::1]", "f4[:, :, ::1]")
def sum_rows(values: Any, first: Any, weights: Any, out: Any) -> None:
    """Sum four rows in turn of ``[outer, row, inner]`` for each new row.

    Parameters
    ----------
    values
        The rows.
    first, weights
        For each new row: the first of the four, and what each is weighted by, ``[n, 4]``.
    out
        ``[outer, n, inner]``, to write to.
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            a, b, c, d = weights[j, 0], weights[j, 1], weights[j, 2], weights[j, 3]
            row = first[j]
            for k in range(out.shape[2]):
                out[i, j, k] = _four(values, i, row, k, a, b, c, d)


@compiled("f4[:, :, ::1]", "i8[::1]", "f4[:, ::1]", "f4[:, :, ::1]", "f8", "f4[:, :, ::1]")
def sum_rows_onto(values: Any, first: Any, weights: Any, onto: Any, times: Any, out: Any) -> None:
    """Sum four rows in turn as :func:`sum_rows` does, and add them to another array, multiplied by a number.

    Parameters
    ----------
    values, first, weights
        As there.
    onto
        ``[outer, n, inner]``.
    times
        What it is multiplied by; the product is not rounded before the sum.
    out
        ``[outer, n, inner]``, to write to.
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            a, b, c, d = weights[j, 0], weights[j, 1], weights[j, 2], weights[j, 3]
            row = first[j]
            for k in range(out.shape[2]):
                out[i, j, k] = _four(values, i, row, k, a, b, c, d) + times * onto[i, j, k]


@compiled(
    "f4[:, :, :, ::1]", "i8[::1]", "f4[:, ::1]", "i8[::1]", "f4[:, ::1]", "i8[::1]", "f4[:, ::1]", "f4[:, :, :, :]",
    "f8", "f4[:, :, :, ::1]",
)  # fmt: skip
def expand_control(
    control: Any, first_z: Any, weights_z: Any, first_y: Any, weights_y: Any, first_x: Any, weights_x: Any, onto: Any,
    times: Any, out: Any,
) -> None:  # fmt: skip
    """Sum four rows in turn along each axis of an array, the innermost first.

    Parameters
    ----------
    control
        ``[i, j, k, channel]``.
    first_z, weights_z, first_y, weights_y, first_x, weights_x
        For each axis as in :func:`sum_rows`.
    onto, times
        As in :func:`sum_rows_onto`, ``[z, y, x, channel]``; without any points, it is left out.
    out
        ``[z, y, x, channel]``, to write to.
    """
    ni, nj, nk, channels = control.shape
    nz, ny, nx = len(first_z), len(first_y), len(first_x)
    rows = np.empty((ni * nj, nx, channels), np.float32)
    sum_rows(control.reshape(ni * nj, nk, channels), first_x, weights_x, rows)
    planes = np.empty((ni, ny, nx * channels), np.float32)
    sum_rows(rows.reshape(ni, nj, nx * channels), first_y, weights_y, planes)
    whole, each = (1, nz, ny * nx * channels), planes.reshape(1, ni, ny * nx * channels)
    if onto.size:
        base = np.ascontiguousarray(onto).reshape(whole)
        sum_rows_onto(each, first_z, weights_z, base, times, out.reshape(whole))
    else:
        sum_rows(each, first_z, weights_z, out.reshape(whole))


@compiled("f4[:, :, ::1]", "f4[::1]", "f4[::1]", "f4[:, :, ::1]")
def wrapped_filter(values: Any, along_y: Any, along_x: Any, out: Any) -> None:
    """Correlate slices ``[z, y, x]`` with two kernels of odd length, one along y and one along x; edges wrap round."""
    count, ny, nx = values.shape
    half_y, half_x = len(along_y) // 2, len(along_x) // 2
    row = np.empty(nx + 2 * half_x, np.float32)
    for z in range(count):
        for y in range(ny):
            middle = row[half_x : half_x + nx]
            middle[:] = 0
            for tap in range(len(along_y)):
                weight, other = along_y[tap], values[z, (y + tap - half_y) % ny]
                for x in range(nx):
                    middle[x] += weight * other[x]
            for x in range(half_x):
                row[x], row[half_x + nx + x] = middle[(x - half_x) % nx], middle[x % nx]
            found = out[z, y]
            found[:] = 0
            for tap in range(len(along_x)):
                weight = along_x[tap]
                for x in range(nx):
                    found[x] += weight * row[tap + x]
