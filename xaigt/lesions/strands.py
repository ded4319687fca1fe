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

from xaigt.compiled.tubes import measure_tubes, tube_box, tube_cores
from xaigt.distributions import DIGITS
from xaigt.lesions.base import Corner, Family, Footprint, Lesion, World
from xaigt.sampling import flat
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
        corners = np.empty((2, 3), np.float32)
        tube_box(_rows(lesion.tubes), corners)
        (z, y, x), (end_z, end_y, end_x) = corners.tolist()
        return (z, y, x), (end_z, end_y, end_x)

    def footprint(self, lesion: Any, world: World, points: torch.Tensor, softness: float) -> Footprint:
        core = fills(lesion.tubes, points, softness)
        # The inner table matters only near them.
        near = torch.nonzero(core.reshape(-1))[:, 0]
        if len(near):
            outside = lesion.inner_mm - world(points.movedim(-1, 0).reshape(3, -1)[:, near].T, "depth")
            left = torch.clamp(0.5 - outside / softness, 0, 1)
            core.view(-1)[near] = torch.minimum(core.view(-1)[near], left)
        return Footprint(core, torch.full_like(core, lesion.hu), torch.zeros_like(core), 0.0)


def fills(tubes: Sequence[Tube], points: torch.Tensor, softness: float) -> torch.Tensor:
    """Share (0..1) of the surroundings of points ``[..., 3]`` that a union of tubes fills, its edge so soft."""
    if points.device.type != "cpu":
        return torch.clamp(0.5 - distance(tubes, points) / softness, 0, 1)
    core = np.empty(points.shape[:-1], np.float32)
    tube_cores(_rows(tubes), flat(points), softness, core.reshape(-1))
    return torch.from_numpy(core)


def _rows(tubes: Sequence[Tube]) -> npt.NDArray[np.float32]:
    """Tubes as loops take them: ``[k, 7]``, both ends and the radius of each."""
    return np.array([(*tube.start, *tube.end, tube.radius_mm) for tube in tubes], np.float32)


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
