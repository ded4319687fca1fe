"""Small things of known place: chains of round-ended tubes, of which a ball is one without length.

Vessels are chains; a calcified plexus is a clump of balls. Their volume is measured on a lattice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from xaigt.distributions import DIGITS
from xaigt.lesions.base import Family, Footprint, Lesion, World
from xaigt.lesions.weighted import box_lattice
from xaigt.schema import Strict

Point = tuple[float, float, float]
_POINTS = 2000  # of the lattice that a volume is measured on, roughly


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

    def footprint(self, lesion: Any, world: World, points: torch.Tensor, softness: float) -> Footprint:
        away = distance(lesion.tubes, points)
        core = torch.clamp(0.5 - away / softness, 0, 1)
        near = core > 0
        # The inner table matters only where there is something to be cut, and that is a small part of the box.
        if bool(near.any()):
            outside = torch.maximum(away[near], lesion.inner_mm - world(points[near], "depth"))
            core[near] = torch.clamp(0.5 - outside / softness, 0, 1)
        return Footprint(core, torch.full_like(core, lesion.hu), torch.zeros_like(core), 0.0)


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
    ends = np.array([point for tube in tubes for point in (tube.start, tube.end)])
    radius = np.repeat([tube.radius_mm for tube in tubes], 2)[:, None]
    low, high = (ends - radius).min(0), (ends + radius).max(0)
    middle = (low + high) / 2
    step = max(float(np.prod(high - low) / _POINTS) ** (1 / 3), 0.1)
    points, cells = box_lattice(tuple(low.tolist()), tuple(high.tolist()), step, torch.device("cpu"))
    volume = float(cells[distance(tubes, points) <= 0].double().sum())
    return {
        "tubes": tuple(tubes),
        "centre_mm": rounded(tuple(middle.tolist())),
        "radius_mm": round((3 * volume / (4 * np.pi)) ** (1 / 3), DIGITS),
        "volume_mm3": round(volume, DIGITS),
        "z_range_mm": (round(float(low[0]), DIGITS), round(float(high[0]), DIGITS)),
        "reach_mm": round(float(np.linalg.norm(high - middle)) + 1.0, DIGITS),
    }


def rounded(point: Sequence[float] | npt.NDArray[np.float64]) -> Point:
    """Point as provenance keeps it."""
    z, y, x = (round(float(value), DIGITS) for value in point)
    return z, y, x
