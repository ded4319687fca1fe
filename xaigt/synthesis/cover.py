"""How much of each voxel a lesion fills: the partial volume of its edge.

A lesion is evaluated at the centres of the voxels of its box first, with an edge as wide as a voxel: where that shows
nothing of it there is nothing. The other voxels (of a small box, all) are evaluated at points inside them, 1.25 mm
apart or closer, and averaged. So a thick slice costs little more than a thin one, and a large box little more than the
lesion in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from xaigt.anatomy.world import Anatomy
from xaigt.lesions import Lesion
from xaigt.lesions.base import Corner, Family, Footprint
from xaigt.volume import Grid

SUBSTEP_MM = 1.25  # distance of the points inside a voxel
_SLACK = 1.3  # a lesion's outside may change by more than the distance, as the head is stretched
_BATCH = 1 << 15  # points evaluated together
_BLOCK = 3  # pixels along each edge of a block of which one is looked at first
_FEW = 1 << 12  # points: so many are not worth a first look at the centres

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Cover:
    """A lesion in the voxels of a box of the grid.

    Attributes
    ----------
    box
        Which voxels.
    centres
        Of these, ``[z, y, x, 3]`` (mm).
    core
        Share (0..1) of each voxel that the lesion fills, ``[z, y, x]``.
    filling
        Mean over each voxel of the core times the lesion's level (or, if `additive`, times what it adds).
    oedema
        Strength (0..1) of the oedema around it.
    shift
        What full oedema adds.
    additive
        Whether the lesion adds to what is there, in place of replacing it.
    """

    box: Box
    centres: torch.Tensor
    core: torch.Tensor
    filling: torch.Tensor
    oedema: torch.Tensor
    shift: float
    additive: bool


def cover(kind: Family, lesion: Lesion, anatomy: Anatomy, grid: Grid) -> Cover | None:
    """Evaluate a lesion on a grid; None if its surroundings do not meet the grid."""
    device = anatomy.device
    offsets, spacing = _offsets(grid.voxel, device)
    box = _box(grid, lesion.centre_mm, kind.reach(lesion), kind.bounds(lesion), spacing)
    if box is None:
        return None
    centres = anatomy.voxels(grid, box)
    places = centres.reshape(-1, 3)
    count = len(places)
    if count * len(offsets) <= _FEW:
        inside = _evaluate(kind, lesion, anatomy, places, offsets, spacing)
        return inside.on(box, centres)
    around, near = _look(kind, lesion, anatomy, centres, grid.voxel, spacing)
    wide = torch.nonzero(near.reshape(-1))[:, 0]
    core, filling, oedema = (torch.zeros(count, device=device) for _ in range(3))
    if around.oedema.shape == near.shape:
        oedema[:] = around.oedema.reshape(-1)
    batch = max(1, _BATCH // len(offsets))
    for start in range(0, len(wide), batch):
        part = wide[start : start + batch]
        inside = _evaluate(kind, lesion, anatomy, places[part], offsets, spacing)
        core[part], filling[part], oedema[part] = inside.core, inside.filling, inside.oedema
    return _Means(core, filling, oedema, around.shift, around.add is not None).on(box, centres)


def _look(
    kind: Family,
    lesion: Lesion,
    anatomy: Anatomy,
    centres: torch.Tensor,
    voxel: tuple[float, float, float],
    spacing: float,
) -> tuple[Footprint, torch.Tensor]:
    """First look at voxels ``[z, y, x, 3]``: a footprint, and which voxels the lesion may fill a part of.

    Of a plain lesion in a thick slice one pixel in nine is looked at, as the slice is thicker than three pixels are
    wide; but all are if there is oedema, which is not looked at again where it is alone.
    """
    if kind.plain and voxel[0] > _BLOCK * max(voxel[1:]):
        rows, columns = (torch.arange(size, device=centres.device) for size in centres.shape[1:3])
        middles = [(axis[::_BLOCK] + _BLOCK // 2).clamp(max=len(axis) - 1) for axis in (rows, columns)]
        some = centres[:, middles[0]][:, :, middles[1]]
        softness = _SLACK * math.hypot(voxel[0], _BLOCK * voxel[1], _BLOCK * voxel[2]) + spacing
        around = kind.footprint(lesion, anatomy, some, softness)
        if not bool(around.oedema.any()):
            return around, (around.core > 0)[:, rows // _BLOCK][:, :, columns // _BLOCK]
    around = kind.footprint(lesion, anatomy, centres, _SLACK * math.hypot(*voxel) + spacing)
    return around, around.core > 0


@dataclass(frozen=True)
class _Means:
    """What :class:`Cover` says, for voxels in a row."""

    core: torch.Tensor
    filling: torch.Tensor
    oedema: torch.Tensor
    shift: float
    additive: bool

    def on(self, box: Box, centres: torch.Tensor) -> Cover:
        shape = centres.shape[:-1]
        core, filling, oedema = (values.reshape(shape) for values in (self.core, self.filling, self.oedema))
        return Cover(box, centres, core, filling, oedema, self.shift, self.additive)


def _evaluate(
    kind: Family, lesion: Lesion, anatomy: Anatomy, places: torch.Tensor, offsets: torch.Tensor, spacing: float
) -> _Means:
    """Means over points inside voxels whose centres ``[n, 3]`` are given."""
    # Coordinates outermost in memory: each is read as one run.
    points = (places.T[:, :, None] + offsets.T[:, None, :]).movedim(0, -1)
    inside = kind.footprint(lesion, anatomy, points, spacing)
    value = inside.level if inside.add is None else inside.add
    return _Means(
        inside.core.mean(1), (inside.core * value).mean(1), inside.oedema.mean(1), inside.shift, inside.add is not None
    )


def _box(
    grid: Grid,
    centre: tuple[float, float, float],
    reach: float,
    bounds: tuple[Corner, Corner] | None,
    spacing: float,
) -> Box | None:
    """Part of the grid within `reach` of `centre`, and within `bounds`; None if they do not meet."""
    heights = grid.axes()[0]
    apart = max(float(heights[0]) - centre[0], centre[0] - float(heights[-1])) - grid.voxel[0] / 2
    if apart > reach:  # most lie in other slices
        return None
    slices: list[slice] = []
    low, high = bounds or ((-math.inf,) * 3, (math.inf,) * 3)
    for number, (axis, middle, voxel) in enumerate(zip(grid.axes(), centre, grid.voxel, strict=True)):
        distance = np.maximum(np.abs(axis - middle) - voxel / 2, 0)
        edge = (voxel + spacing) / 2
        near = np.flatnonzero((distance <= reach) & (axis >= low[number] - edge) & (axis <= high[number] + edge))
        if near.size == 0:
            return None
        slices.append(slice(int(near[0]), int(near[-1]) + 1))
        if len(slices) == 1:  # planes that miss the centre cut a smaller disc out of the sphere
            reach = math.sqrt(max(reach**2 - float(distance[slices[0]].min()) ** 2, 0.0))
    return slices[0], slices[1], slices[2]


@lru_cache(maxsize=16)
def _offsets(voxel: tuple[float, float, float], device: torch.device) -> tuple[torch.Tensor, float]:
    """Points inside a voxel, ``[n, 3]`` from its centre (mm), and their largest distance along an axis."""
    axes, spacing = [], 0.0
    for extent in voxel:
        count = math.ceil(extent / SUBSTEP_MM)
        axes.append(torch.from_numpy(((np.arange(count) + 0.5) / count - 0.5) * extent).float().to(device))
        spacing = max(spacing, extent / count)
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3), spacing
