"""Volume of a union of round-ended tubes, by the points of a lattice that lie inside."""

from __future__ import annotations

from typing import Any

from xaigt.compiled import compiled


@compiled("f8[:, ::1]", "f8[:, ::1]", "f8[::1]", "f8[::1]", "f8[::1]", "i8[::1]", "i8[::1]")
def points_inside(start: Any, end: Any, radius: Any, first: Any, step: Any, counts: Any, out: Any) -> None:
    """Count the points of a rectangular lattice that lie in a tube or more.

    Parameters
    ----------
    start, end, radius
        ``[n, 3]``, ``[n, 3]`` and ``[n]``: tubes, which end in half balls.
    first, step, counts
        ``[3]``: first point of the lattice, and for each axis the distance between points and how many there are.
    out
        ``[1]``, to write to.
    """
    along = end - start
    found = 0
    for a in range(counts[0]):
        z = first[0] + a * step[0]
        for b in range(counts[1]):
            y = first[1] + b * step[1]
            for c in range(counts[2]):
                x = first[2] + c * step[2]
                for n in range(radius.shape[0]):
                    dz, dy, dx = z - start[n, 0], y - start[n, 1], x - start[n, 2]
                    length = along[n, 0] ** 2 + along[n, 1] ** 2 + along[n, 2] ** 2
                    share = 0.0
                    if length > 0:
                        share = (dz * along[n, 0] + dy * along[n, 1] + dx * along[n, 2]) / length
                        share = min(max(share, 0.0), 1.0)
                    dz, dy, dx = dz - share * along[n, 0], dy - share * along[n, 1], dx - share * along[n, 2]
                    if dz * dz + dy * dy + dx * dx <= radius[n] ** 2:
                        found += 1
                        break
    out[0] = found
