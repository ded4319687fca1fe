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
import numpy.typing as npt
import torch

from xaigt.anatomy.lattices import Axes
from xaigt.anatomy.world import Anatomy
from xaigt.compiled.planting import near_box, points_inside_voxels, voxel_means
from xaigt.lesions import Lesion
from xaigt.lesions.base import Corner, Family, Footprint
from xaigt.volume import Grid

SUBSTEP_MM = 1.25  # distance of the points inside a voxel
_SLACK = 1.3  # a lesion's outside may change by more than the distance, as the head is stretched
_BATCH = 1 << 15  # points evaluated together
_BLOCK = 3  # pixels along each edge of a block of which one is looked at first
_FEW = 1 << 12  # points: so many are not worth a first look at the centres

_EVERYWHERE: tuple[Corner, Corner] = ((-math.inf,) * 3, (math.inf,) * 3)

Box = tuple[slice, slice, slice]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cover:
    """A lesion in the voxels of a box of the grid.

    Attributes
    ----------
    box
        Which voxels.
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
    core: torch.Tensor
    filling: torch.Tensor
    oedema: torch.Tensor
    shift: float
    additive: bool


def cover(kind: Family, lesion: Lesion, anatomy: Anatomy, grid: Grid) -> Cover | None:
    """Evaluate a lesion on a grid; None if its surroundings do not meet the grid."""
    reach, heights = kind.reach(lesion), grid.axes()[0]
    apart = max(float(heights[0]) - lesion.centre_mm[0], lesion.centre_mm[0] - float(heights[-1]))
    if apart - grid.voxel[0] / 2 > reach:  # most lie in other slices
        return None
    offsets, spacing = _offsets(grid.voxel, anatomy.device)
    box = _box(grid, lesion.centre_mm, reach, kind.bounds(lesion), spacing)
    if box is None:
        return None
    z, y, x = (axis[along] for axis, along in zip(grid.axes(), box, strict=True))
    shape = len(z), len(y), len(x)
    found, count = _Means(torch.zeros(3, *shape, device=anatomy.device)), math.prod(shape)
    if count * offsets.shape[1] <= _FEW:
        wide = np.arange(count)
    else:
        wide = np.flatnonzero(_look(kind, lesion, anatomy, grid, box, spacing, found))
    batch = max(1, _BATCH // offsets.shape[1])
    for start in range(0, len(wide), batch):
        part = wide[start : start + batch]
        found.take(kind.footprint(lesion, anatomy, _points(anatomy, (z, y, x), part, offsets), spacing), part)
    core, filling, oedema = found.values
    return Cover(box, core, filling, oedema, found.shift, found.additive)


def _points(anatomy: Anatomy, axes: Axes, where: Indices, offsets: torch.Tensor) -> torch.Tensor:
    """Points ``[n, k, 3]`` inside some voxels ``[n]`` of a lattice, at offsets ``[3, k]`` from their centres."""
    # Coordinates outermost in memory: each is read as one run.
    if anatomy.device.type == "cpu":
        points = np.empty((3, len(where), offsets.shape[1]), np.float32)
        points_inside_voxels(*axes, where, offsets.numpy(), points)
        return torch.from_numpy(points).movedim(0, -1)
    places = anatomy.points(axes).movedim(-1, 0).reshape(3, -1)[:, torch.from_numpy(where).to(anatomy.device)]
    return (places[:, :, None] + offsets[:, None, :]).movedim(0, -1)


class _Means:
    """What :class:`Cover` says: its three fields ``[3, z, y, x]``, and what goes with them, as it becomes known."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values
        self.shift, self.additive = 0.0, False

    def take(self, inside: Footprint, where: Indices) -> None:
        """Take means over points ``[n, k]`` inside the voxels `where` ``[n]``."""
        core, value, oedema = inside.core, inside.level if inside.add is None else inside.add, inside.oedema
        self.shift, self.additive = inside.shift, inside.add is not None
        into = self.values.reshape(3, -1)
        if into.device.type == "cpu":
            # A family may give one value for all points, or double precision.
            seen = [part.float().expand_as(core).numpy() for part in (core, value, oedema)]
            voxel_means(seen[0], seen[1], seen[2], where, *into.numpy())
            return
        means = core.mean(1), (core * value).mean(1), oedema.mean(1)
        into[:, torch.from_numpy(where).to(into.device)] = torch.stack(means)


def _look(
    kind: Family, lesion: Lesion, anatomy: Anatomy, grid: Grid, box: Box, spacing: float, found: _Means
) -> npt.NDArray[np.bool_]:
    """First look at the voxels of a box: which of them ``[z, y, x]`` the lesion may fill a part of, and its oedema.

    Of a plain lesion in a thick slice one pixel in nine is looked at, as the slice is thicker than three pixels are
    wide; but all are if there is oedema, which is not looked at again where it is alone.
    """
    voxel = grid.voxel
    if kind.plain and voxel[0] > _BLOCK * max(voxel[1:]):
        rows, columns = (np.arange(along.stop - along.start) for along in box[1:])
        middles = [np.minimum(line[::_BLOCK] + _BLOCK // 2, len(line) - 1) for line in (rows, columns)]
        some = anatomy.voxels(grid, (box[0], box[1].start + middles[0], box[2].start + middles[1]))
        softness = _SLACK * math.hypot(voxel[0], _BLOCK * voxel[1], _BLOCK * voxel[2]) + spacing
        around = kind.footprint(lesion, anatomy, some, softness)
        if not around.oedema.cpu().numpy().any():
            near = _is_near(around).repeat(_BLOCK, 1).repeat(_BLOCK, 2)
            return near[:, : len(rows), : len(columns)]
    around = kind.footprint(lesion, anatomy, anatomy.voxels(grid, box), _SLACK * math.hypot(*voxel) + spacing)
    found.values[2] = around.oedema
    found.shift = around.shift
    return _is_near(around)


def _is_near(around: Footprint) -> npt.NDArray[np.bool_]:
    return np.asarray(around.core.cpu().numpy() > 0)


def _box(
    grid: Grid,
    centre: tuple[float, float, float],
    reach: float,
    bounds: tuple[Corner, Corner] | None,
    spacing: float,
) -> Box | None:
    """Part of the grid within `reach` of `centre`, and within `bounds`; None if they do not meet."""
    low, high = bounds or _EVERYWHERE
    found = np.empty((3, 2), np.int64)
    near_box(*grid.axes(), grid.voxel, centre, reach, low, high, spacing, found)
    (z, end_z), (y, end_y), (x, end_x) = found.tolist()
    return (slice(z, end_z), slice(y, end_y), slice(x, end_x)) if end_z and end_y and end_x else None


@lru_cache(maxsize=16)
def _offsets(voxel: tuple[float, float, float], device: torch.device) -> tuple[torch.Tensor, float]:
    """Points inside a voxel, ``[3, n]`` from its centre (mm), and their largest distance along an axis."""
    axes, spacing = [], 0.0
    for extent in voxel:
        count = math.ceil(extent / SUBSTEP_MM)
        axes.append(torch.from_numpy(((np.arange(count) + 0.5) / count - 0.5) * extent).float().to(device))
        spacing = max(spacing, extent / count)
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(3, -1), spacing
