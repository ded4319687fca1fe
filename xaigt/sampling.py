"""Reading arrays on a lattice at arbitrary points in millimetres, on any device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import embedding_bag

_BATCH = 1 << 15  # points read at once on a CPU: what they need stays in its cache


class Sampler:
    """A stack of channels on a regular lattice, read by trilinear interpolation.

    Beyond the lattice the nearest border value is returned. What is read at a point depends on that point alone, not
    on those read with it.

    Parameters
    ----------
    data
        ``[C, z, y, x]`` float32, two voxels or more along each axis. Where the channels are innermost in memory, as
        in a view of ``[z, y, x, C]``, it is read in place on the CPU, also as a read-only memory map; else it is
        copied.
    origin
        (z, y, x) position of voxel 0 in mm.
    spacing
        Edge of a voxel in mm.
    device
        Where to read.
    """

    def __init__(
        self,
        data: npt.NDArray[np.float32],
        origin: tuple[float, float, float],
        spacing: float,
        device: torch.device,
    ) -> None:
        channels, *shape = data.shape
        # A row a voxel: the channels of one voxel lie together, and reading a point is a weighted sum of eight rows.
        self._rows = tensor(np.ascontiguousarray(np.moveaxis(data, 0, -1)).reshape(-1, channels)).to(device)
        steps = (shape[1] * shape[2], shape[2], 1)
        self._axes = [
            (1 / spacing, -start / spacing, count - 1, step)
            for start, count, step in zip(origin, shape, steps, strict=True)
        ]
        corners = [z + y + x for z in (0, steps[0]) for y in (0, steps[1]) for x in (0, steps[2])]
        self._corners = torch.tensor(corners, dtype=torch.int32, device=device)

    def __call__(self, points: torch.Tensor, channels: slice = slice(None)) -> torch.Tensor:
        """Values ``[C, ...]`` at points ``[..., 3]`` (z, y, x in mm)."""
        shape = points.shape[:-1]
        axes = [points[..., i].reshape(-1) for i in range(3)]
        count = axes[0].numel()
        batch = _BATCH if points.device.type == "cpu" else max(count, 1)
        values = torch.empty(self._rows.shape[1], count, dtype=self._rows.dtype, device=points.device)
        for start in range(0, count, batch):
            part = slice(start, start + batch)
            values[:, part] = self._read([axis[part] for axis in axes]).T
        return values[channels].reshape(-1, *shape)

    def _read(self, points: list[torch.Tensor]) -> torch.Tensor:
        """Values ``[n, C]`` at points given axis by axis."""
        low: torch.Tensor | None = None
        shares = []
        for point, (factor, shift, last, step) in zip(points, self._axes, strict=True):
            position = point.mul(factor).add_(shift).clamp_(0, last)
            voxel = position.int().clamp_(max=last - 1)
            shares.append(position.sub_(voxel))
            low = voxel.mul_(step) if low is None else low.add_(voxel.mul_(step))
        assert low is not None
        (z, y, x), (below, behind, beside) = shares, (1 - share for share in shares)
        weights = torch.empty(len(x), 8, dtype=x.dtype, device=x.device)
        edges = (below * behind, below * y, z * behind, z * y)
        for number, edge in enumerate(edges):
            torch.mul(edge, beside, out=weights[:, 2 * number])
            torch.mul(edge, x, out=weights[:, 2 * number + 1])
        return embedding_bag(low[:, None] + self._corners, self._rows, per_sample_weights=weights, mode="sum")


def tensor(array: npt.NDArray[np.float32]) -> torch.Tensor:
    """Share the memory of an array, also of a read-only one (which must not be written to)."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
