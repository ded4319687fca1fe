"""Mapping a rectangular lattice of points from scanner space to template space at a fraction of the cost a point.

The map of a subject is smooth: it is computed on the points of a fixed lattice of scanner space, 4 mm apart, and
interpolated linearly between them. The fixed lattice makes the result at a point the same whatever lattice it is
asked for with; it differs from the map itself by a few hundredths of a millimetre.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

NODE_MM = 4.0

Axes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Coordinates z, y and x (mm) of the points of a rectangular lattice, in any order and at any distances."""

Box = tuple[slice, slice, slice]
"""Part of a lattice: a run of its coordinates along z, y and x."""


class MappedLattice:
    """Where the points of a lattice lie in template space.

    Parameters
    ----------
    mapping
        Maps points ``[..., 3]`` (z, y, x; mm).
    axes
        Coordinates along z, y and x.
    device
        Where to compute.
    """

    def __init__(self, mapping: Callable[[torch.Tensor], torch.Tensor], axes: Axes, device: torch.device) -> None:
        nodes, self._low, self._share = [], [], []
        for number, axis in enumerate(axes):
            position = axis / NODE_MM
            low = np.floor(position)
            first = low.min()
            nodes.append((np.arange(first, low.max() + 2) * NODE_MM).astype(np.float32))
            self._low.append(torch.from_numpy((low - first).astype(np.int64)).to(device))
            share = torch.from_numpy((position - low).astype(np.float32)).to(device)
            self._share.append(share.reshape([-1 if i == number else 1 for i in range(3)]))
        z, y, x = (torch.from_numpy(axis).to(device) for axis in nodes)
        self._nodes = mapping(torch.stack(torch.meshgrid(z, y, x, indexing="ij")).movedim(0, -1)).movedim(-1, 0)

    def points(self, part: Box = (slice(None), slice(None), slice(None))) -> torch.Tensor:
        """Points ``[z, y, x, 3]`` (z, y, x; mm of template space) of a part of the lattice."""
        values = self._nodes
        # x before y: the last step, the largest, then moves whole rows.
        for axis in (0, 2, 1):
            low = self._low[axis][part[axis]]
            share = self._share[axis].narrow(axis, *_run(part[axis], self._share[axis].shape[axis]))
            values = torch.lerp(values.index_select(axis + 1, low), values.index_select(axis + 1, low + 1), share)
        return values.movedim(0, -1)

    def nodes(self, wanted: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Which nodes ``[z, y, x]`` a function of their places ``[3, z, y, x]`` (mm of template space) wants."""
        return wanted(self._nodes)

    def box(self, nodes: torch.Tensor, planes: slice = slice(None)) -> Box | None:
        """Box of some planes z that holds every point beside a wanted node; None if there is none."""
        beside = self._low[0][planes]
        nodes = nodes[int(beside.min()) : int(beside.max()) + 2]
        found = []
        for axis in (1, 2):
            low, used = self._low[axis], torch.nonzero(nodes.any(0).any(2 - axis))
            run = torch.nonzero((low >= used[0] - 1) & (low <= used[-1])) if len(used) else used
            if not len(run):
                return None
            found.append(slice(int(run[0]), int(run[-1]) + 1))
        return planes, found[0], found[1]


def _run(part: slice, count: int) -> tuple[int, int]:
    """First index and length of a slice of an axis."""
    first, last, _ = part.indices(count)
    return first, last - first
