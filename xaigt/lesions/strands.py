"""Small things of known place: chains of round-ended tubes, of which a ball is one without length.

Vessels are chains; a calcified plexus is a clump of balls. Their volume is measured on a lattice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.tubes import measure_tubes
from xaigt.distributions import DIGITS
from xaigt.lesions.base import Corner, Family, Footprint, Lesion, World
from xaigt.schema import Strict

Point = tuple[float, float, float]
Floats = npt.NDArray[np.float64]
_POINTS, _FINEST_MM = 2000.0, 0.1  # of the lattice that a volume is measured on: points, roughly, and how far apart


class Tube(Strict):
    """A round-ended tube between two points (z, y, x; mm of scanner space)."""

    start: Point
    end: Point
    radius_mm: float


class Strands(Lesion):
    """A union of tubes of one density; `inner_mm` is how far it keeps from the inner table."""

    tubes: tuple[Tube, ...]
    hu: float
    inner_mm: float
    reach_mm: float


class StrandsFamily(Family):
    """Base of families that are made of tubes."""

    lesion: ClassVar[type[Strands]]
    smallest_mm3 = 0.0  # a distractor may be as small as it likes

    def reach(self, lesion: Strands) -> float:
        return lesion.reach_mm

    def bounds(self, lesion: Strands) -> tuple[Corner, Corner]:
        low, high = _box(lesion.tubes)
        return rounded(low), rounded(high)

    def footprint(self, lesion: Any, world: World, points: torch.Tensor, softness: float) -> Footprint:
        core = points.new_zeros(points.shape[:-1])
        # Only what lies in the box of the tubes can be near them, and the inner table matters only there.
        low, high = _box(lesion.tubes)
        inside = ((points >= points.new_tensor(low - softness)) & (points <= points.new_tensor(high + softness))).all(
            -1
        )
        at = points[inside]
        if len(at):
            outside = distance(lesion.tubes, at)
            close = outside < softness / 2
            if bool(close.any()):
                depth = world(at[close], "depth")
                outside[close] = torch.maximum(outside[close], lesion.inner_mm - depth)
            core[inside] = torch.clamp(0.5 - outside / softness, 0, 1)
        return Footprint(core, torch.full_like(core, lesion.hu), torch.zeros_like(core), 0.0)


def _box(tubes: Sequence[Tube]) -> tuple[Floats, Floats]:
    """Corners of the smallest box that holds some tubes."""
    radius = np.array([[tube.radius_mm] for tube in tubes])
    ends = np.array([(tube.start, tube.end) for tube in tubes])
    return (ends.min(1) - radius).min(0), (ends.max(1) + radius).max(0)


def distance(tubes: Sequence[Tube], points: torch.Tensor) -> torch.Tensor:
    """Signed distance (mm, negative inside) of points ``[..., 3]`` to a union of tubes."""
    if not tubes:
        raise ValueError("no tubes")
    starts = points.new_tensor([tube.start for tube in tubes]).T[..., None]
    along = points.new_tensor([tube.end for tube in tubes]).T[..., None] - starts
    radius = points.new_tensor([tube.radius_mm for tube in tubes])[:, None]
    # All tubes at once, one axis after the other: [tubes, points].
    offset = points.movedim(-1, 0).reshape(3, 1, -1) - starts
    if bool(along.any()):
        share = torch.clamp((offset * along).sum(0) / (along * along).sum(0).clamp(min=1e-6), 0, 1)
        offset = offset - share * along
    there = (offset * offset).sum(0).sqrt() - radius
    return there.amin(0).reshape(points.shape[:-1])


def chain(path: Sequence[Point], radius_mm: float, world: World) -> tuple[Tube, ...]:
    """Tubes along a path of template space, as this subject has it."""
    places = [rounded(world.to_scanner(point)) for point in path]
    return tuple(Tube(start=a, end=b, radius_mm=radius_mm) for a, b in itertools.pairwise(places))


def measured(tubes: Sequence[Tube]) -> dict[str, Any]:
    """Fields of :class:`Strands` that follow from its tubes."""
    found = np.empty(7)
    measure_tubes(np.array([(*tube.start, *tube.end, tube.radius_mm) for tube in tubes]), _POINTS, _FINEST_MM, found)
    *corners, volume = found.tolist()
    low, high = corners[:3], corners[3:]
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    return {
        "tubes": tuple(tubes),
        "centre_mm": rounded(middle),
        "radius_mm": round((3 * volume / (4 * math.pi)) ** (1 / 3), DIGITS),
        "volume_mm3": round(volume, DIGITS),
        "z_range_mm": (round(low[0], DIGITS), round(high[0], DIGITS)),
        "reach_mm": round(math.dist(high, middle) + 1.0, DIGITS),
    }


def rounded(point: Sequence[float] | npt.NDArray[np.float64]) -> Point:
    """Point as provenance keeps it."""
    z, y, x = point
    return round(float(z), DIGITS), round(float(y), DIGITS), round(float(x), DIGITS)
