"""Euclidean distances within masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled

FAR = 1 << 28  # squared distance where there is nothing to be near to


@compiled()
def _envelopes(plane: Any, place: Any, start: Any, value: Any) -> None:
    """Replace each column of a plane ``[n, x]`` by the lowest parabola over each of its places."""
    count = plane.shape[0]
    for x in range(plane.shape[1]):
        last = -1
        for q in range(count):
            height = plane[q, x]
            if height >= FAR:
                continue
            begin = -np.inf
            while last >= 0:
                p = place[last]
                begin = ((height + q * q) - (value[last] + p * p)) / (2.0 * (q - p))
                if begin > start[last]:
                    break
                last -= 1
            if last < 0:
                begin = -np.inf
            last += 1
            place[last], start[last], value[last] = q, begin, height
        if last < 0:
            continue
        now = 0
        for q in range(count):
            while now < last and start[now + 1] < q:
                now += 1
            plane[q, x] = value[now] + (q - place[now]) * (q - place[now])


@compiled("b1[:, :, ::1]", "i4[:, :, ::1]")
def squared_distance(mask: Any, out: Any) -> None:
    """Squared Euclidean distance in voxels from each voxel of a mask ``[z, y, x]`` to the nearest one outside it.

    Exact: the lower envelope of parabolas, one axis after the other (P. Felzenszwalb & D. Huttenlocher, Theory of
    Computing 8, 415, 2012). `out` is int32; it holds `FAR` or more if all voxels belong to the mask.
    """
    nz, ny, nx = mask.shape
    longest = max(nz, ny, nx)
    place, start = np.empty(longest, np.int64), np.empty(longest + 1, np.float64)
    value, plane = np.empty(longest, np.int64), np.empty((longest, nx), np.int32)
    for z in range(nz):
        for y in range(ny):
            near = 1 << 14
            for x in range(nx):
                near = near + 1 if mask[z, y, x] else 0
                out[z, y, x] = near
            near = 1 << 14
            for x in range(nx - 1, -1, -1):
                near = min(near + 1, out[z, y, x])
                out[z, y, x] = near * near
    for z in range(nz):
        _envelopes(out[z], place, start, value)
    for y in range(ny):  # planes are copied: steps along z are far apart in memory
        for z in range(nz):
            for x in range(nx):
                plane[z, x] = out[z, y, x]
        _envelopes(plane[:nz], place, start, value)
        for z in range(nz):
            for x in range(nx):
                out[z, y, x] = plane[z, x]
