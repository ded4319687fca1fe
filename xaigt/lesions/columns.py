"""Lattices in columns that stand on a surface: what layers of blood are resolved on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xaigt.lesions.base import World

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
NODES = 4  # points of each column at which the anatomy is read
LAYERS = 7  # points of each column that are counted
_SHIFTS = (0.7548776662466927, 0.5698402909980532)  # of the plane's evenest sequence


@dataclass(frozen=True)
class Read:
    """What is known of points in columns: all ``[n, LAYERS]`` or ``[n, LAYERS, 3]``.

    Attributes
    ----------
    points
        In scanner space (z, y, x; mm).
    cells
        What each stands for (mm3).
    at
        In template space.
    depth
        Under the inner table (mm).
    noise
        As the caller reads it.
    """

    points: Floats
    cells: Floats
    at: Floats
    depth: Floats
    noise: Floats


@dataclass(frozen=True)
class Columns:
    """Points in columns, and the volume that each stands for.

    Attributes
    ----------
    nodes
        Points ``[u, v, NODES, 3]`` (z, y, x; mm of scanner space) evenly along each column.
    cells
        Volumes ``[u, v, LAYERS]`` (mm3) of the points that are counted: those at :func:`layers`.
    along
        Distance (mm) of each column from the layer's centre, ``[u, v]``, shortened along its stretch: no layer reaches
        further.
    at
        The nodes in template space, where that is where they were laid out.
    """

    nodes: Floats
    cells: Floats
    along: Floats
    at: Floats | None = None

    def read(self, used: Mask, world: World, noise: Callable[[Floats], npt.NDArray[np.float32]]) -> Read:
        """Read at the nodes of some columns ``[u, v]``, and interpolate to the points of those."""
        nodes = self.nodes[used]
        at = world.locate(nodes) if self.at is None else self.at[used]
        table = np.concatenate([nodes, at, world.probe(at, "depth")[..., None], noise(nodes)[..., None]], -1)
        found = between(table, layers(len(used))[used])
        return Read(found[..., :3], self.cells[used], found[..., 3:6], found[..., 6], found[..., 7])

    def step(self, filled: Mask) -> float:
        """Largest distance (mm) from a point of a filled column ``[u, v]`` to its neighbour in the next one."""
        largest = 0.0
        for axis in (0, 1):
            apart = np.linalg.norm(np.diff(self.nodes[:, :, 0], axis=axis), axis=-1)
            first, second = (filled.take(range(start, start + apart.shape[axis]), axis) for start in (0, 1))
            largest = max(largest, float(apart[first | second].max(initial=0.0)))
        return largest


@lru_cache(maxsize=8)
def layers(count: int) -> Floats:
    """Where in each column its points lie, ``[count, count, LAYERS]``: 0 on the surface, 1 at its other end.

    They begin a little deeper in each column than in the last: if all had the same depths, so would the inner sides of
    layers of even thickness, and their volume would come in steps.
    """
    u, v = np.arange(count)[:, None, None], np.arange(count)[None, :, None]
    shares = (np.arange(LAYERS) + (u * _SHIFTS[0] + v * _SHIFTS[1]) % 1) / LAYERS
    shares.setflags(write=False)  # it is kept and shared
    return shares


def between(values: Floats, shares: Floats) -> Floats:
    """Values ``[n, NODES, k]`` of nodes, interpolated to shares ``[n, LAYERS]`` of the way along each column."""
    position = shares * (NODES - 1)
    low = np.minimum(position.astype(np.intp), NODES - 2)
    rows = low + np.arange(0, values.shape[0] * NODES, NODES)[:, None]
    table = values.reshape(-1, values.shape[2])
    below, above = table.take(rows, 0), table.take(rows + 1, 0)
    above -= below
    above *= (position - low)[..., None]
    return np.add(below, above, out=above)
