"""Coarse maps on fine grids: resizing, and the reference that a map of a given grid can attain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.batch import Array
from xaigt.metrics.declaration import MapMetric

_MODES = {
    "linear": {1: "linear", 2: "bilinear", 3: "trilinear"},
    "nearest": dict.fromkeys((1, 2, 3), "nearest-exact"),
}


def resize(maps: Array, size: Sequence[int], mode: str = "linear") -> Tensor:
    """Resize maps ``[B, *s]`` to ``[B, *size]``, linearly (values stay within their range) or ``nearest``.

    Voxel centres are aligned as in ``torch.nn.functional.interpolate(align_corners=False)``.
    """
    tensor = torch.as_tensor(maps)
    dims = tensor.ndim - 1
    if mode not in _MODES:
        raise XaigtError(f"Unknown resize mode {mode!r}: {nearest(str(mode), _MODES)}.")
    if dims not in (2, 3) or len(size) != dims:
        raise XaigtError(f"Cannot resize maps of shape {list(tensor.shape)} to {list(size)}.")
    tensor = tensor if tensor.is_floating_point() else tensor.float()
    return functional.interpolate(tensor[:, None], size=tuple(size), mode=_MODES[mode][dims])[:, 0]


def in_template(maps: Array, coordinates: Array) -> Tensor:
    """Read maps of many subjects in the space they share, ``[B, *T]``.

    Parameters
    ----------
    maps
        ``[B, *S]``.
    coordinates
        ``[B, *T, dims]``: for every point of the shared grid, where it lies in the subject's map, in the
        convention of ``torch.nn.functional.grid_sample`` (x first, -1 and 1 the centres of the outermost
        voxels). Outside the map the value is 0.
    """
    tensor, points = torch.as_tensor(maps), torch.as_tensor(coordinates)
    dims = tensor.ndim - 1
    if points.ndim != dims + 2 or points.shape[-1] != dims or len(points) != len(tensor):
        raise XaigtError(
            f"coordinates {list(points.shape)} do not fit maps {list(tensor.shape)}: [B, *T, {dims}]."
        )
    values = (tensor if tensor.is_floating_point() else tensor.float())[:, None]
    return functional.grid_sample(values, points.to(values), align_corners=True)[:, 0]


def through_grid(masks: Array, grid: Sequence[int], mode: str = "linear") -> Tensor:
    """Show the truth as the best map of a coarse grid would: averaged onto the grid and resized back.

    Parameters
    ----------
    masks
        ``[B, *S]``, truth where not zero.
    grid
        Size of the map's grid, such as ``(7, 7)``; not finer than the masks.
    mode
        How maps of that grid are resized.

    Returns
    -------
    Tensor
        ``[B, *S]``, float32, between 0 and 1.
    """
    truth = (torch.as_tensor(masks) != 0).float()
    dims = truth.ndim - 1
    if (
        dims not in (2, 3)
        or len(grid) != dims
        or any(not 0 < g <= s for g, s in zip(grid, truth.shape[1:], strict=True))
    ):
        raise XaigtError(
            f"grid {list(grid)} does not fit masks of shape {list(truth.shape)}: one size an axis, not finer."
        )
    if dims == 2:
        coarse = functional.adaptive_avg_pool2d(truth[:, None], (grid[0], grid[1]))[:, 0]
    else:
        coarse = functional.adaptive_avg_pool3d(truth[:, None], (grid[0], grid[1], grid[2]))[:, 0]
    return coarse if tuple(grid) == tuple(truth.shape[1:]) else resize(coarse, truth.shape[1:], mode)


def attainable(
    metric: MapMetric, masks: Array, grid: Sequence[int], *, mode: str = "linear", **batch: Any
) -> Tensor:
    """Score the truth as seen through the map's grid, ``[B]``: what can be asked of a map of that grid.

    A reference, not a bound: a map that knows the metric can beat it (by sharpening its own edges, say).

    Parameters
    ----------
    metric
        A metric of a map, such as ``xaigt.metrics.get("precision_at_k")``.
    masks, grid, mode
        As for :func:`through_grid`.
    **batch
        support, ignore, spacing, sign, regions: as for the metric.
    """
    return metric(through_grid(masks, grid, mode), masks, **batch)
