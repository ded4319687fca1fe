"""Lattices in columns that stand on a surface: what layers of blood are resolved on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaigt.lesions.base import World

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """Points in columns, an odd number in each, and the volume that each point stands for.

    Attributes
    ----------
    points
        ``[u, v, d, 3]`` (z, y, x; mm of scanner space).
    cells
        ``[u, v, d]`` (mm3).
    along
        Distance (mm) of each column from the layer's centre, ``[u, v]``, shortened along its stretch: no layer reaches
        further.
    at
        The points in template space, where that is where they were laid out.
    """

    points: Floats
    cells: Floats
    along: Floats
    at: Floats | None = None

    def places(self, used: Mask, world: World) -> tuple[Floats, Floats]:
        """Points ``[n, d, 3]`` of template space in some columns, and their depth ``[n, d]`` under the inner table.

        Both are read at every second point, and are in the middle of them between.
        """
        every = world.locate(self.points[used][:, ::2]) if self.at is None else self.at[used][:, ::2]
        return between(every), between(world.probe(every, "depth"))

    def step(self, filled: Mask) -> float:
        """Largest distance (mm) from a point of a filled column ``[u, v]`` to its neighbour in the next one."""
        largest = 0.0
        for axis in (0, 1):
            apart = np.linalg.norm(np.diff(self.points[:, :, 0], axis=axis), axis=-1)
            first, second = (filled.take(range(start, start + apart.shape[axis]), axis) for start in (0, 1))
            largest = max(largest, float(apart[first | second].max(initial=0.0)))
        return largest


def between(values: npt.NDArray[np.floating]) -> Floats:
    """Values ``[n, d, ...]``, with the middle of each two neighbours put between them."""
    count = values.shape[1]
    result = np.empty((values.shape[0], 2 * count - 1, *values.shape[2:]))
    result[:, ::2] = values
    result[:, 1::2] = 0.5 * (result[:, :-1:2] + result[:, 2::2])
    return result
