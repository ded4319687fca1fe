"""Reading arrays on a lattice at arbitrary points in millimetres, on any device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import grid_sample


class Sampler:
    """A stack of channels on a regular lattice, read by trilinear interpolation.

    Beyond the lattice the nearest border value is returned.

    Parameters
    ----------
    data
        ``[C, z, y, x]`` float32. A read-only memory map is read in place, not copied, on the CPU.
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
        self.data = tensor(data).to(device)[None]
        # grid_sample wants -1 at the first and 1 at the last voxel, in the order x, y, z
        self._factor = [2 / (spacing * (count - 1)) for count in data.shape[1:]]
        self._shift = [-1 - start * factor for start, factor in zip(origin, self._factor, strict=True)]

    def __call__(self, points: torch.Tensor, channels: slice = slice(None)) -> torch.Tensor:
        """Values ``[C, ...]`` at points ``[..., 3]`` (z, y, x in mm)."""
        where = torch.stack([points[..., i] * self._factor[i] + self._shift[i] for i in (2, 1, 0)], -1)
        shape = points.shape[:-1]
        flat = where.reshape(1, 1, 1, -1, 3)
        values = grid_sample(self.data[:, channels], flat, mode="bilinear", padding_mode="border", align_corners=True)
        return values.reshape(-1, *shape)


def tensor(array: npt.NDArray[np.float32]) -> torch.Tensor:
    """Share the memory of an array, also of a read-only one (which must not be written to)."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
