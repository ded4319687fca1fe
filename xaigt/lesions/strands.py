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

from xaigt.compiled.tubes import points_inside, tube_box, tube_cores
from xaigt.distributions import DIGITS
from xaigt.lesions.base import Corner, Family, Footprint, Lesion, World
from xaigt.sampling import flat
from xaigt.schema import Strict

Point = tuple[float, float, float]
Floats = npt.NDArray[np.float64]
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


def _box(tubes: Sequence[Tube]) -> tuple[Floats, Floats]:
    """Corners of the smallest box that holds some tubes."""
    radius = np.array([[tube.radius_mm] for tube in tubes])
    ends = np.array([(tube.start, tube.end) for tube in tubes])
    return (ends.min(1) - radius).min(0), (ends.max(1) + radius).max(0)


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
    start, end = (np.array([getattr(tube, name) for tube in tubes]) for name in ("start", "end"))
    radius = np.array([tube.radius_mm for tube in tubes])
    low, high = _box(tubes)
    middle = (low + high) / 2
    volume = _volume(start, end, radius, low, high)
    return {
        "tubes": tuple(tubes),
        "centre_mm": rounded(tuple(middle.tolist())),
        "radius_mm": round((3 * volume / (4 * np.pi)) ** (1 / 3), DIGITS),
        "volume_mm3": round(volume, DIGITS),
        "z_range_mm": (round(float(low[0]), DIGITS), round(float(high[0]), DIGITS)),
        "reach_mm": round(float(np.linalg.norm(high - middle)) + 1.0, DIGITS),
    }


def _volume(start: Floats, end: Floats, radius: Floats, low: Floats, high: Floats) -> float:
    """Volume (mm3) of a union of tubes ``[n, 3]`` by the points of a lattice in its box that lie inside."""
    step = max(float(np.prod(high - low) / _POINTS) ** (1 / 3), 0.1)
    counts = np.maximum(np.ceil((high - low) / step).astype(int), 2)
    widths, found = (high - low) / counts, np.empty(1, np.int64)
    points_inside(start, end, radius, low + widths / 2, widths, counts, found)
    return float(found[0] * np.prod(widths))


def rounded(point: Sequence[float] | npt.NDArray[np.float64]) -> Point:
    """Point as provenance keeps it."""
    z, y, x = (round(float(value), DIGITS) for value in point)
    return z, y, x
