"""Where a box of voxels fits into the parenchyma: uniform places on the sampling grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from xaigt.distributions import DIGITS
from xaigt.lesions.base import World
from xaigt.volume import Grid

_CANDIDATES, _BATCHES = 200, 50
_AT_ONCE = 20  # candidates looked at together: often one of them fits
_COARSE = 3  # points an edge of the box at which every candidate is looked at


def draw_box(
    rng: np.random.Generator, box: tuple[int, int, int], grid: Grid, world: World, margin_mm: float
) -> tuple[float, float, float] | None:
    """Draw a place for a box, uniformly among all where it lies wholly in the parenchyma.

    Parameters
    ----------
    rng
        The stream of places.
    box
        Voxels along z, y and x.
    grid
        The voxels of the sample.
    world
        The subject's anatomy.
    margin_mm
        Distance that the centre of every voxel of the box keeps to the border of the parenchyma.

    Returns
    -------
    tuple or None
        Middle of the box (z, y, x; mm of scanner space), such that its voxels are voxels of the grid; None if no
        place was found among 10,000.
    """
    room = [count - edge + 1 for count, edge in zip(grid.shape, box, strict=True)]
    if min(room) < 1:
        return None
    axes = grid.axes()
    few = [np.unique(np.linspace(0, edge - 1, _COARSE).round().astype(int)) for edge in box]
    for _ in range(_BATCHES):
        starts = rng.integers(0, room, size=(_CANDIDATES, 3))
        for first in range(0, _CANDIDATES, _AT_ONCE):
            some = starts[first : first + _AT_ONCE]
            for start in some[_inside(some, few, axes, world, margin_mm)]:
                if _inside(start[None], [np.arange(edge) for edge in box], axes, world, margin_mm)[0]:
                    return _middle(start, box, grid)
    return None


def _inside(
    starts: npt.NDArray[np.intp],
    offsets: list[npt.NDArray[np.intp]],
    axes: Sequence[npt.NDArray[np.float64]],
    world: World,
    margin_mm: float,
) -> npt.NDArray[np.bool_]:
    """Which boxes have all voxels at some offsets from their first one in the parenchyma."""
    points = np.empty((len(starts), *(len(offset) for offset in offsets), 3))
    for i, (axis, offset) in enumerate(zip(axes, offsets, strict=True)):
        along = axis[starts[:, i, None] + offset]
        points[..., i] = along.reshape([len(starts)] + [-1 if i == other else 1 for other in range(3)])
    depth = world.probe(world.locate(points), "parenchyma")
    return np.asarray((depth > margin_mm).reshape(len(starts), -1).all(1))


def _middle(start: npt.NDArray[np.intp], box: tuple[int, int, int], grid: Grid) -> tuple[float, float, float]:
    z, y, x = (
        round(float(axis[first] + axis[first + edge - 1]) / 2, DIGITS)
        for axis, first, edge in zip(grid.axes(), start, box, strict=True)
    )
    return z, y, x
