"""Lattices in columns that stand on a surface: what layers of blood are resolved on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xaigt.compiled.columns import along_columns, largest_step
from xaigt.lesions.base import World

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
NODES = 4  # points of each column at which the anatomy is read
LAYERS = 7  # points of each column that are counted
_SHIFTS = (0.7548776662466927, 0.5698402909980532)  # of the plane's evenest sequence


@dataclass(frozen=True)
class Read:
    """What is known of points in columns.

    Attributes
    ----------
    table
        ``[n, LAYERS, 8]``: each point in scanner space and in template space (z, y, x; mm), its depth under the inner
        table (mm), and noise as the caller reads it.
    cells
        What each stands for (mm3), ``[n, LAYERS]``.
    """

    table: Floats
    cells: Floats

    @property
    def points(self) -> Floats:
        """In scanner space."""
        return self.table[..., :3]

    @property
    def at(self) -> Floats:
        """In template space."""
        return self.table[..., 3:6]

    @property
    def depth(self) -> Floats:
        """Under the inner table."""
        return self.table[..., 6]

    @property
    def noise(self) -> Floats:
        """As the caller reads it."""
        return self.table[..., 7]


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
        table = np.empty((*nodes.shape[:2], 8))
        table[..., :3], table[..., 3:6], table[..., 6], table[..., 7] = (
            nodes,
            at,
            world.probe(at, "depth"),
            noise(nodes),
        )
        return Read(between(table, layers(len(used))[used]), self.cells[used])

    def step(self, filled: Mask) -> float:
        """Largest distance (mm) from a point of a filled column ``[u, v]`` to its neighbour in the next one."""
        largest = np.empty(1)
        largest_step(self.nodes, filled, largest)
        return float(largest[0])


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
    found = np.empty((*shares.shape, values.shape[2]))
    along_columns(values, shares, found)
    return found
