"""Reading a lattice at points, and mapping points."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled

_0, _1 = np.float32(0), np.float32(1)
_TOGETHER = 256  # points whose places are found before any is read


@compiled()
def _find(shape: Any, shift: Any, scale: Any, places: Any, rows: Any, weights: Any) -> None:
    """For each point, the row of its first neighbour and the weights of all eight."""
    (nz, ny, nx), (to_z, to_y, to_x), (along_z, along_y, along_x) = shape, shift, places
    last_z, last_y, last_x = np.float32(nz - 1), np.float32(ny - 1), np.float32(nx - 1)
    low_z, low_y, low_x = np.int32(nz - 2), np.int32(ny - 2), np.int32(nx - 2)
    per_z, per_y = np.int32(ny), np.int32(nx)
    for i in range(along_z.shape[0]):  # several points in one instruction
        z = along_z[i] * scale + to_z
        y = along_y[i] * scale + to_y
        x = along_x[i] * scale + to_x
        z, y, x = z if z > _0 else _0, y if y > _0 else _0, x if x > _0 else _0  # also what is no number
        z, y, x = z if z < last_z else last_z, y if y < last_y else last_y, x if x < last_x else last_x
        a, b, c = np.int32(z), np.int32(y), np.int32(x)
        a, b, c = a if a < low_z else low_z, b if b < low_y else low_y, c if c < low_x else low_x
        rows[i] = (a * per_z + b) * per_y + c
        up, ahead, away = z - np.float32(a), y - np.float32(b), x - np.float32(c)
        below, back, near = _1 - up, _1 - ahead, _1 - away
        p, q, r, s = below * back, below * ahead, up * back, up * ahead
        weights[0, i], weights[1, i], weights[2, i], weights[3, i] = p * near, p * away, q * near, q * away
        weights[4, i], weights[5, i], weights[6, i], weights[7, i] = r * near, r * away, s * near, s * away


@compiled()
def _gather(table: Any, shape: Any, rows: Any, weights: Any, count: Any, values: Any) -> None:
    """Weighted sums of eight rows each, one after the other; unsigned numbers spare a look at their sign."""
    flat, channels = table.reshape(-1), np.uint64(table.shape[1])
    ahead = np.uint64(shape[2]) * channels
    up = np.uint64(shape[1]) * ahead
    for i in range(count):
        first, to = np.uint64(rows[i]) * channels, np.uint64(i) * channels
        p0, p1, p2, p3 = weights[0, i], weights[1, i], weights[2, i], weights[3, i]
        q0, q1, q2, q3 = weights[4, i], weights[5, i], weights[6, i], weights[7, i]
        for k in range(channels):  # several channels in one instruction
            a = first + k
            b, c, d = a + ahead, a + up, a + up + ahead
            values[to + k] = ((flat[a] * p0 + flat[a + channels] * p1) + (flat[b] * p2 + flat[b + channels] * p3)) + (
                (flat[c] * q0 + flat[c + channels] * q1) + (flat[d] * q2 + flat[d + channels] * q3)
            )


@compiled("f4[:, ::1]", "UniTuple(i8, 3)", "UniTuple(f4, 3)", "f4", "f4[:, ::1]", "f4[:, ::1]")
def read(table: Any, shape: Any, shift: Any, scale: Any, points: Any, out: Any) -> None:
    """Interpolate the channels of a lattice at points, trilinearly; beyond the lattice its border is read.

    Parameters
    ----------
    table
        ``[z * y * x, C]`` float32: a row a voxel.
    shape
        Voxels along z, y and x, two or more.
    shift, scale
        A point's place in voxels is ``scale * point + shift`` (float32).
    points
        ``[3, n]`` float32.
    out
        ``[C, n]`` float32, to write to.
    """
    rows, weights = np.empty(_TOGETHER, np.int32), np.empty((8, _TOGETHER), np.float32)
    channels = table.shape[1]
    values = np.empty(_TOGETHER * channels, np.float32)
    for first in range(0, points.shape[1], _TOGETHER):
        last = min(first + _TOGETHER, points.shape[1])
        _find(shape, shift, scale, (points[0, first:last], points[1, first:last], points[2, first:last]), rows, weights)
        _gather(table, shape, rows, weights, last - first, values)
        for k in range(channels):
            for i in range(last - first):
                out[k, first + i] = values[i * channels + k]


@compiled("f4[:, ::1]", "f4[:, ::1]", "f4[:, ::1]")
def move(matrix: Any, points: Any, out: Any) -> None:
    """Apply an affine map ``[3, 4]`` to points ``[3, n]`` (float32)."""
    for i in range(points.shape[1]):
        z, y, x = points[0, i], points[1, i], points[2, i]
        for k in range(3):
            out[k, i] = (matrix[k, 2] * x + matrix[k, 1] * y) + (matrix[k, 0] * z + matrix[k, 3])


@compiled()
def _along_row(nodes: Any, z: Any, up: Any, y: Any, ahead: Any, row: Any) -> None:
    """Interpolate nodes ``[k, j, i]`` along their first two axes."""
    for m in range(row.shape[0]):
        back = nodes[z, y, m] + up * (nodes[z + 1, y, m] - nodes[z, y, m])
        front = nodes[z, y + 1, m] + up * (nodes[z + 1, y + 1, m] - nodes[z, y + 1, m])
        row[m] = back + ahead * (front - back)


@compiled("f4[:, :, :, ::1]", "UniTuple(i8[::1], 3)", "UniTuple(f4[::1], 3)", "f4[:, :, :, ::1]")
def between(nodes: Any, low: Any, share: Any, out: Any) -> None:
    """Interpolate nodes ``[C, k, j, i]`` on a rectangular lattice ``[C, z, y, x]`` (float32), trilinearly.

    Parameters
    ----------
    nodes
        Values of the nodes.
    low, share
        For each axis: the node before each coordinate, and the share of the way to the next.
    out
        To write to.
    """
    row = np.empty(nodes.shape[3], np.float32)
    for k in range(nodes.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                _along_row(nodes[k], low[0][i], share[0][i], low[1][j], share[1][j], row)
                for m in range(out.shape[3]):
                    x = low[2][m]
                    out[k, i, j, m] = row[x] + share[2][m] * (row[x + 1] - row[x])


@compiled(
    "f4[:, ::1]", "UniTuple(i8, 3)", "UniTuple(f4, 3)", "f4", "f4[:, :, :, ::1]", "b1[:, :, ::1]",
    "UniTuple(i8[::1], 3)", "UniTuple(f4[::1], 3)", "f4[:, :, :, ::1]",
)  # fmt: skip
def read_between(
    table: Any, shape: Any, shift: Any, scale: Any, nodes: Any, wanted: Any, low: Any, share: Any, out: Any
) -> None:
    """Interpolate nodes as :func:`between` does, and read there as :func:`read` does: ``[C, z, y, x]``.

    Of each row, only the run of points beside `wanted` nodes ``[k, j, i]`` is read; the others get the lattice's first
    row.
    """
    rows, weights = np.empty(_TOGETHER, np.int32), np.empty((8, _TOGETHER), np.float32)
    channels = table.shape[1]
    values, places = np.empty(_TOGETHER * channels, np.float32), np.empty((3, out.shape[3]), np.float32)
    line, used = np.empty(nodes.shape[3], np.float32), np.empty(nodes.shape[3], np.bool_)
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            z, y = low[0][i], low[1][j]
            for m in range(used.shape[0]):
                used[m] = wanted[z, y, m] or wanted[z + 1, y, m] or wanted[z, y + 1, m] or wanted[z + 1, y + 1, m]
            begin, end = out.shape[3], 0
            for m in range(out.shape[3]):
                if used[low[2][m]] or used[low[2][m] + 1]:
                    begin, end = min(begin, m), m + 1
            for k in range(out.shape[0]):
                out[k, i, j, :begin] = table[0, k]
                out[k, i, j, max(begin, end) :] = table[0, k]
            for k in range(3):
                _along_row(nodes[k], z, share[0][i], y, share[1][j], line)
                for m in range(begin, end):
                    x = low[2][m]
                    places[k, m] = line[x] + share[2][m] * (line[x + 1] - line[x])
            for first in range(begin, end, _TOGETHER):
                last = min(first + _TOGETHER, end)
                _find(
                    shape, shift, scale, (places[0, first:last], places[1, first:last], places[2, first:last]), rows,
                    weights,
                )  # fmt: skip
                _gather(table, shape, rows, weights, last - first, values)
                for k in range(channels):
                    for m in range(last - first):
                        out[k, i, j, first + m] = values[m * channels + k]
