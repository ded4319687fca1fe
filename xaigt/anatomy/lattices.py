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

from xaigt.compiled.reading import between
from xaigt.sampling import Sampler

NODE_MM = 4.0

Axes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Coordinates z, y and x (mm) of the points of a rectangular lattice, in any order and at any distances."""

Box = tuple[slice, slice, slice]
"""Part of a lattice: a run of its coordinates along z, y and x."""

Along = slice | npt.NDArray[np.int64]
Part = tuple[Along, Along, Along]
"""Part of a lattice: a run of its coordinates along z, y and x, or the numbers of some."""


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
        for axis in axes:
            position = axis / NODE_MM
            low = np.floor(position)
            first = low.min()
            nodes.append(torch.from_numpy((np.arange(first, low.max() + 2) * NODE_MM).astype(np.float32)).to(device))
            self._low.append((low - first).astype(np.int64))
            self._share.append((position - low).astype(np.float32))
        self._nodes = mapping(torch.stack(torch.meshgrid(*nodes, indexing="ij")).movedim(0, -1)).movedim(-1, 0)

    def points(self, part: Part = (slice(None), slice(None), slice(None))) -> torch.Tensor:
        """Points ``[z, y, x, 3]`` (z, y, x; mm of template space) of a part of the lattice."""
        return self.along(part).movedim(0, -1)

    def along(self, part: Part = (slice(None), slice(None), slice(None))) -> torch.Tensor:
        """Coordinates ``[3, z, y, x]`` of the points of a part of the lattice."""
        low = tuple(axis[along] for axis, along in zip(self._low, part, strict=True))
        share = tuple(axis[along] for axis, along in zip(self._share, part, strict=True))
        values = self._nodes
        if values.device.type == "cpu":
            found = torch.empty(3, *(len(axis) for axis in low))
            between(values.contiguous().numpy(), low, share, found.numpy())
            return found
        for axis in (0, 2, 1):  # x before y: the last step, the largest, then moves whole rows
            first = torch.from_numpy(low[axis]).to(values.device)
            weight = torch.from_numpy(share[axis]).to(values.device)
            weight = weight.reshape([-1 if other == axis else 1 for other in range(3)])
            values = torch.lerp(values.index_select(axis + 1, first), values.index_select(axis + 1, first + 1), weight)
        return values

    def read(self, sampler: Sampler, wanted: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """What a sampler reads at each point, ``[C, z, y, x]``.

        Points that lie beside no node that a function of their places ``[3, ...]`` wants may get the first values of
        the sampler in place.
        """
        nodes = wanted(self._nodes)
        found = sampler.between(self._nodes, nodes.cpu().numpy(), tuple(self._low), tuple(self._share))
        if found is not None:
            return found
        shape = [len(axis) for axis in self._low]
        values = torch.empty(sampler.data.shape[1], *shape, device=nodes.device)
        values[:] = sampler.data[0][:, None, None, None]
        if (box := self._box(nodes)) is not None:
            values[(slice(None), *box)] = sampler.along(self.along(box))
        return values

    def heights(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """For each plane z, bounds on the height (mm of template space) of its points: lowest and highest."""
        height, low = self._nodes[0].cpu().numpy(), self._low[0]
        lowest, highest = height.min((1, 2)), height.max((1, 2))
        return np.minimum(lowest[low], lowest[low + 1]), np.maximum(highest[low], highest[low + 1])

    def _box(self, nodes: torch.Tensor) -> Box | None:
        """Box that holds every point beside a wanted node; None if there is none."""
        found = []
        for axis, low in enumerate(self._low):
            used = np.flatnonzero(nodes.cpu().numpy().any(tuple(other for other in range(3) if other != axis)))
            run = np.flatnonzero((low >= used[0] - 1) & (low <= used[-1])) if used.size else used
            if not run.size:
                return None
            found.append(slice(int(run[0]), int(run[-1]) + 1))
        return found[0], found[1], found[2]
