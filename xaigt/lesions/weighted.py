"""Resolving a level set to a wanted volume on points that stand for some volume each.

A lesion is where a size function is at most a level, and where it is allowed to be. What is allowed is read from the
subject's anatomy, which costs much more than the size function: it is asked of points in the order of their size, and
of no more than the volume needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaigt.compiled.filling import next_smallest, reaching
from xaigt.compiled.lattices import enlarge, fullest_slices, points_at
from xaigt.distributions import DIGITS

_BLOCKS = (4, 2)  # points an edge of the blocks that are looked at first, and of those in them

Values = npt.NDArray[np.floating]
Coordinates = npt.NDArray[np.float64]
Points = npt.NDArray[np.float64]
"""Points ``[n, 3]`` (z, y, x; mm)."""
Index = npt.NDArray[np.intp]
Allowed = Callable[[Points], npt.NDArray[np.bool_]]
"""Whether a lesion may lie at some points."""


@dataclass(frozen=True)
class Filled:
    """A resolved level set.

    Attributes
    ----------
    level
        Rounded up to the decimals that provenance keeps; 0 if nothing is allowed.
    volume
        What it holds (mm3): less than wanted if too little room is allowed.
    inside
        Numbers of the points that it holds.
    """

    level: float
    volume: float
    inside: Index


def fill(
    size: Values, cells: Values | float, wanted: float, allowed: Callable[[Index], npt.NDArray[np.bool_]], share: float
) -> Filled:
    """Find the level at which ``{size <= level}``, cut to where it is allowed, has a wanted volume.

    Parameters
    ----------
    size
        Size function at some points, ``[n]``.
    cells
        Volume (mm3) that each point stands for, or all alike.
    wanted
        Volume in mm3.
    allowed
        Says of some points, by their numbers, where the lesion may lie.
    share
        Of the points of small size, how many are allowed, roughly: it decides how many are asked first, no more.
    """
    if not len(size):
        return Filled(0.0, 0.0, np.empty(0, np.intp))
    sizes, each = np.array(size, np.float64), np.array(cells, np.float64, ndmin=1)
    asked = math.ceil(wanted * len(each) / float(each.sum()) / share)
    known, bound = np.empty(0, np.intp), -math.inf
    index, beyond, count, reached = np.empty(len(sizes), np.intp), np.empty(1), np.empty(1, np.intp), np.empty(2)
    while True:
        last = asked >= len(sizes)
        next_smallest(sizes, bound, asked, index, beyond, count)
        new = index[: count[0]]
        known = np.concatenate([known, new[allowed(new)]])
        held = 0.0
        if len(known):
            reaching(sizes, known, each, wanted, reached)
            value, held = reached.tolist()
            if last or held >= wanted:
                # Rounded up, so that the point which decides stays inside.
                level = math.ceil(value * 10**DIGITS) / 10**DIGITS
                if last or level <= beyond[0]:
                    break
        elif last:
            return Filled(0.0, 0.0, known)
        # What has been asked tells how much more to ask.
        bound, asked = float(beyond[0]), math.ceil(asked * min(max(1.2 * wanted / max(held, 1e-9), 1.5), 8.0))
    inside = known[sizes[known] <= level]
    return Filled(level, float(each[inside].sum() if len(each) > 1 else each[0] * len(inside)), inside)


def z_range(heights: Values, volumes: Values, step: float = 0.0, bins: int = 24) -> tuple[float, float]:
    """Heights (mm) about the fullest axial slice between which slices show at least a third of what it shows.

    Parameters
    ----------
    heights
        Of the points that a lesion holds, ``[n]``.
    volumes
        What each stands for (mm3).
    step
        Distance (mm) between points along z: their volume is spread over it, else rows of a lattice would leave
        slices between them empty.
    bins
        Slices that the filled range is divided into.
    """
    if not len(heights):
        return 0.0, 0.0
    low, high = float(heights.min()), float(heights.max())
    width = max((high - low) / bins, 1e-3)
    ends = np.empty(2, np.int64)
    fullest_slices(np.array(heights, np.float64), np.array(volumes, np.float64), step, low, width, np.empty(bins), ends)
    first, last = ends.tolist()
    return round(low + (first + 0.5) * width, DIGITS), round(low + (last + 0.5) * width, DIGITS)


def box_axes(low: Sequence[float], high: Sequence[float], step: float) -> tuple[list[Coordinates], float]:
    """Coordinates along z, y and x of the points of a lattice that fills a box, and the volume (mm3) of each.

    Parameters
    ----------
    low, high
        Corners (z, y, x; mm).
    step
        Largest distance between points in mm.
    """
    axes: list[Coordinates] = []
    cell = 1.0
    for first, last in zip(low, high, strict=True):
        count = max(2, math.ceil((last - first) / step))
        width = (last - first) / count
        axes.append(np.asarray((np.arange(count) + 0.5) * width + first, np.float64))
        cell *= width
    return axes, cell


def points_of(axes: Sequence[Coordinates], index: Index) -> Points:
    """Points ``[n, 3]`` of a rectangular lattice by their numbers in it."""
    z, y, x = axes
    points = np.empty((len(index), 3))
    points_at(z, y, x, index, points)
    return points


def blocks(
    axes: Sequence[Coordinates], near: Callable[[Points, float], npt.NDArray[np.bool_]]
) -> npt.NDArray[np.bool_]:
    """Points ``[z, y, x]`` of a rectangular lattice near which something of interest may lie.

    Parameters
    ----------
    axes
        Coordinates, evenly spaced.
    near
        Says of points ``[n, 3]`` whether anything of interest lies within a distance (mm) of them; it is asked about
        the middles of blocks of the lattice.
    """
    widths = [axis[1] - axis[0] for axis in axes]
    keep = np.ones([len(axis) for axis in axes], bool)
    for edge in _BLOCKS:
        middles = [axis[::edge] + width * (edge - 1) / 2 for axis, width in zip(axes, widths, strict=True)]
        found = keep[::edge, ::edge, ::edge]
        asked = np.flatnonzero(found)
        held = np.zeros(found.shape, bool)
        held.reshape(-1)[asked] = near(points_of(middles, asked), 0.5 * edge * math.hypot(*widths))
        enlarge(held, edge, keep)
    return keep
