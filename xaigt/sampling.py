"""Reading arrays on a lattice at arbitrary points in millimetres: many on any device, or a few in little time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

Real = TypeVar("Real", np.float32, np.float64)

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
        self.data = tensor(np.ascontiguousarray(np.moveaxis(data, 0, -1)).reshape(-1, channels)).to(device)
        steps = (shape[1] * shape[2], shape[2], 1)
        corners = [z + y + x for z in (0, steps[0]) for y in (0, steps[1]) for x in (0, steps[2])]
        self._corners = torch.tensor(corners, dtype=torch.int32, device=device)
        last = torch.tensor(shape, device=device)[:, None] - 1
        self._scale, self._last = 1 / spacing, last.float()
        self._shift = torch.tensor([-start / spacing for start in origin], device=device)[:, None]
        self._one = torch.ones(1, device=device)
        self._low, self._steps = (last - 1).int(), steps

    def __call__(self, points: torch.Tensor, channels: slice = slice(None)) -> torch.Tensor:
        """Values ``[C, ...]`` at points ``[..., 3]`` (z, y, x in mm)."""
        shape = points.shape[:-1]
        axes = points.movedim(-1, 0).reshape(3, -1)
        count = axes.shape[1]
        batch = _BATCH if points.device.type == "cpu" else max(count, 1)
        values = torch.empty(self.data.shape[1], count, dtype=self.data.dtype, device=points.device)
        for start in range(0, count, batch):
            part = slice(start, start + batch)
            values[:, part] = self._read(axes[:, part]).T
        return values[channels].reshape(-1, *shape)

    def _read(self, points: torch.Tensor) -> torch.Tensor:
        """Values ``[n, C]`` at points ``[3, n]``."""
        count = points.shape[1]
        position = points.mul(self._scale).add_(self._shift).clamp_(min=0)
        position = torch.minimum(position, self._last, out=position)
        voxel = position.int()
        voxel = torch.minimum(voxel, self._low, out=voxel)
        beside = torch.empty(3, 2, count, dtype=position.dtype, device=position.device)
        torch.sub(position, voxel, out=beside[:, 1])
        torch.sub(self._one, beside[:, 1], out=beside[:, 0])
        z, y, x = beside
        edges = (z[:, None] * y).reshape(4, count).T
        weights = torch.empty(count, 4, 2, dtype=x.dtype, device=x.device)
        for side in (0, 1):
            torch.mul(edges, x[side][:, None], out=weights[:, :, side])
        row = voxel[0].mul_(self._steps[0]).add_(voxel[1], alpha=self._steps[1]).add_(voxel[2])
        return weighted_rows(self.data, row[:, None] + self._corners, weights.reshape(count, 8))


def weighted_rows(table: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Sums ``[n, C]`` of rows of a table ``[R, C]``, with numbers and weights ``[n, k]`` of those that make each sum.

    This is ``torch.nn.functional.embedding_bag``, whose checks take as long as a small sum.
    """
    count, taps = rows.shape
    starts = torch.arange(0, count * taps, taps, dtype=rows.dtype, device=rows.device)
    summed: torch.Tensor = torch.embedding_bag(
        table, rows.reshape(-1), starts, False, 0, False, weights.reshape(-1), False
    )[0]
    return summed


def tensor(array: npt.NDArray[np.float32]) -> torch.Tensor:
    """Share the memory of an array, also of a read-only one (which must not be written to)."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)


class Probe:
    """The channels of a lattice as a :class:`Sampler` reads them, one at a time and on the CPU.

    A hundred points take a tenth of the time; from some thousands on a sampler is faster. The two differ by what
    rounding differs.

    Parameters
    ----------
    data
        ``[C, z, y, x]``; it is read in place.
    origin, spacing
        (z, y, x) position of voxel 0, and edge of a voxel, in mm.
    """

    def __init__(self, data: npt.NDArray[np.float32], origin: tuple[float, float, float], spacing: float) -> None:
        self._channels = list(np.asarray(data))
        self._shift, self._scale = np.asarray(origin), 1 / spacing

    def __call__(self, points: npt.NDArray[np.floating], channel: int) -> npt.NDArray[np.float32]:
        """Values ``[...]`` of a channel at points ``[..., 3]`` (z, y, x in mm)."""
        position = ((points - self._shift) * self._scale).reshape(-1, 3).T
        read = ndimage.map_coordinates(
            self._channels[channel], position, np.float32, order=1, mode="nearest", prefilter=False
        )
        return np.asarray(read).reshape(points.shape[:-1])


def on_lattice(
    values: npt.NDArray[Real], axes: Sequence[npt.NDArray[np.float64]], origin: float, spacing: float
) -> npt.NDArray[Real]:
    """Values on a rectangular lattice, interpolated along one axis after the other.

    Parameters
    ----------
    values
        On a regular lattice of as many axes as are wanted, and perhaps more beside.
    axes
        Coordinates along each axis of the points that are wanted; beyond the lattice its border is read.
    origin, spacing
        First coordinate of the values and the distance between them, alike along each axis.
    """
    for axis, wanted in enumerate(axes):
        last = values.shape[axis] - 1
        position = np.clip((wanted - origin) / spacing, 0, last)
        low = np.minimum(position.astype(np.intp), last - 1)
        share = (position - low).astype(values.dtype).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        below, above = values.take(low, axis), values.take(low + 1, axis)
        above -= below
        above *= share
        values = np.add(below, above, out=above)
    return values
