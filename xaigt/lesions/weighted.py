"""Resolving a level set to a wanted volume on points that stand for unequal volumes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from xaigt.distributions import DIGITS

_BLOCK = 3  # points an edge of the blocks that are looked at first

Near = Callable[[torch.Tensor, float], torch.Tensor]
"""Whether anything of interest lies within a distance (mm) of points ``[..., 3]``."""


def level_of_volume(
    size: torch.Tensor, cells: torch.Tensor, allowed: torch.Tensor, wanted: float
) -> tuple[float, float]:
    """Find the level at which ``{size <= level}``, cut to where it is allowed, has a wanted volume.

    Parameters
    ----------
    size
        Size function at some points, any shape.
    cells
        Volume (mm3) that each point stands for.
    allowed
        Where the lesion may lie.
    wanted
        Volume in mm3.

    Returns
    -------
    float
        The level, rounded up to the decimals that provenance keeps.
    float
        The volume reached: less than wanted if too little room is allowed; 0 if there is none.
    """
    values, volumes = size[allowed], cells[allowed].double()
    if values.numel() == 0:
        return 0.0, 0.0
    ordered, order = torch.sort(values)
    total = torch.cumsum(volumes[order], 0)
    index = min(int(torch.searchsorted(total, wanted)), len(total) - 1)
    level = math.ceil(float(ordered[index]) * 10**DIGITS) / 10**DIGITS
    reached = float(volumes[values <= level].sum())
    return level, reached


def z_range(
    heights: torch.Tensor, cells: torch.Tensor, inside: torch.Tensor, step: float = 0.0, bins: int = 24
) -> tuple[float, float]:
    """Heights (mm) about the fullest axial slice between which slices show at least a third of what it shows.

    Parameters
    ----------
    heights
        Of some points, any shape.
    cells
        Volume (mm3) that each point stands for.
    inside
        Which of them are filled.
    step
        Distance (mm) between points along z: their volume is spread over it, else rows of a lattice would leave
        slices between them empty.
    bins
        Slices that the filled range is divided into.
    """
    z, volume = heights[inside].double(), cells[inside].double()
    if z.numel() == 0:
        return 0.0, 0.0
    low, high = float(z.min()), float(z.max())
    width = max((high - low) / bins, 1e-3)
    parts = max(1, math.ceil(2 * step / width))
    area = torch.zeros(bins, dtype=torch.float64)
    for part in range(parts):
        moved = z + ((part + 0.5) / parts - 0.5) * step
        index = ((moved - low) / width).long().clamp(0, bins - 1)
        area.index_add_(0, index, volume / parts)
    good = (3 * area >= area.max()).tolist()
    first = last = int(area.argmax())
    while first > 0 and good[first - 1]:
        first -= 1
    while last < bins - 1 and good[last + 1]:
        last += 1
    return round(low + (first + 0.5) * width, DIGITS), round(low + (last + 0.5) * width, DIGITS)


def box_lattice(
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    step: float,
    device: torch.device,
    near: Near | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of a box (mm) about `step` apart, and the volume (mm3) that each stands for.

    Parameters
    ----------
    low, high
        Corners (z, y, x).
    step
        Distance between points in mm.
    device
        Where they are needed.
    near
        Says of some points whether anything of interest lies within a distance (mm) of them. It is asked about
        blocks of points first, and blocks far from everything are left out.

    Returns
    -------
    torch.Tensor
        ``[z, y, x, 3]``, or ``[n, 3]`` if `near` is given.
    torch.Tensor
        Volumes, of the same shape without the last axis.
    """
    axes, widths = [], []
    for a, b in zip(low, high, strict=True):
        count = max(2, math.ceil((b - a) / step))
        widths.append((b - a) / count)
        axes.append((torch.arange(count, dtype=torch.float64) + 0.5) * widths[-1] + a)
    cell = math.prod(widths)
    if near is None:
        points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).float().to(device)
        return points, torch.full(points.shape[:-1], cell, device=device)
    blocks = []
    for axis, width in zip(axes, widths, strict=True):
        blocks.append(axis[::_BLOCK] + width * (_BLOCK - 1) / 2)
    half = 0.5 * _BLOCK * math.hypot(*widths)
    middles = torch.stack(torch.meshgrid(*blocks, indexing="ij"), -1).float().to(device)
    keep = near(middles, half)
    for dim, axis in enumerate(axes):
        keep = keep.repeat_interleave(_BLOCK, dim).narrow(dim, 0, len(axis))
    where = torch.nonzero(keep)
    points = torch.stack([axis.float().to(device)[where[:, dim]] for dim, axis in enumerate(axes)]).movedim(0, -1)
    return points, torch.full(points.shape[:-1], cell, device=device)
