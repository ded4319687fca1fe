"""Reading arrays on a lattice at arbitrary points in millimetres: many on any device, or a few in little time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.fields import read_field
from xaigt.compiled.points import probe
from xaigt.compiled.reading import read, read_between

Real = TypeVar("Real", np.float32, np.float64)
Indices = tuple[npt.NDArray[np.int64], ...]
Shares = tuple[npt.NDArray[np.float32], ...]
Shift = tuple[np.float32, np.float32, np.float32]


def place_in_voxels(origin: tuple[float, float, float], spacing: float) -> tuple[np.float32, Shift]:
    """Scale and shifts (z, y, x) with which a point's place in voxels is ``scale * point + shift``, as all read it."""
    z, y, x = (np.float32(-start / spacing) for start in origin)
    return np.float32(1 / spacing), (z, y, x)


def flat(points: torch.Tensor) -> npt.NDArray[np.float32]:
    """Coordinates ``[3, n]`` of points ``[..., 3]``, for loops: without a copy where they lie outermost in memory."""
    return np.ascontiguousarray(points.numpy().reshape(-1, 3).T)


def flat_values(values: torch.Tensor) -> npt.NDArray[np.float32]:
    """Values ``[...]`` as ``[n]``, for loops."""
    return np.asarray(values.numpy().reshape(-1))


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
        table = np.ascontiguousarray(np.moveaxis(data, 0, -1)).reshape(-1, channels)
        self._shape = shape[0], shape[1], shape[2]
        self._scale, self._shift = place_in_voxels(origin, spacing)
        self.data = tensor(table).to(device)
        self._rows = self.data.numpy() if device.type == "cpu" else None
        self._channels: list[npt.NDArray[np.float32]] = []
        if self._rows is not None:
            self._channels = list(np.moveaxis(self._rows.reshape(*shape, channels), -1, 0))

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Values ``[C, ...]`` at points ``[..., 3]`` (z, y, x in mm)."""
        return self.along(points.movedim(-1, 0))

    def along(self, axes: torch.Tensor) -> torch.Tensor:
        """Values ``[C, ...]`` at points ``[3, ...]``, whose coordinates lie outermost."""
        flat = axes.reshape(3, axes[0].numel())
        if self._rows is None:
            values = self._read(flat).T
        else:
            values = torch.empty(self._rows.shape[1], flat.shape[1])
            read(self._rows, self._shape, self._shift, self._scale, flat.contiguous().numpy(), values.numpy())
        return values.reshape(len(values), *axes.shape[1:])

    def channel(self, points: torch.Tensor, channel: int) -> torch.Tensor | None:
        """Values ``[...]`` of one channel at points ``[..., 3]``, the same as of all; None on other devices."""
        if self._rows is None:
            return None
        values = np.empty(points.shape[:-1], np.float32)
        read_field(self._channels[channel], self._shift, self._scale, flat(points), values.reshape(-1))
        return torch.from_numpy(values)

    def between(
        self, nodes: torch.Tensor, wanted: npt.NDArray[np.bool_], low: Indices, share: Shares
    ) -> torch.Tensor | None:
        """Values at points between nodes, see :func:`xaigt.compiled.reading.read_between`; None on other devices."""
        if self._rows is None:
            return None
        values = torch.empty(self._rows.shape[1], *(len(axis) for axis in low))
        read_between(
            self._rows, self._shape, self._shift, self._scale, nodes.contiguous().numpy(), wanted, low, share,
            values.numpy(),
        )  # fmt: skip
        return values

    @cached_property
    def _bounds(self) -> tuple[torch.Tensor, ...]:
        """Shift, last place and last voxel before another along each axis ``[3, 1]``, and steps to eight corners."""
        steps = (self._shape[1] * self._shape[2], self._shape[2], 1)
        corners = [z + y + x for z in (0, steps[0]) for y in (0, steps[1]) for x in (0, steps[2])]
        device = self.data.device
        last = torch.tensor(self._shape, device=device)[:, None] - 1
        shift = torch.from_numpy(np.array(self._shift))[:, None].to(device)
        return shift, last.float(), (last - 1).int(), torch.tensor(corners, dtype=torch.int32, device=device)

    def _read(self, points: torch.Tensor) -> torch.Tensor:
        """Values ``[n, C]`` at points ``[3, n]``: what :func:`xaigt.compiled.reading.read` does, for any device."""
        count = points.shape[1]
        shift, last, before, corners = self._bounds
        position = torch.minimum((points * float(self._scale) + shift).clamp(min=0), last)
        voxel = torch.minimum(position.int(), before)
        away = position - voxel
        z, y, x = torch.stack([1 - away, away], 1)
        edges = (z[:, None] * y).reshape(4, count).T
        weights = edges[:, :, None] * x.T[:, None, :]
        row = (voxel[0] * self._shape[1] + voxel[1]) * self._shape[2] + voxel[2]
        return weighted_rows(self.data, row[:, None] + corners, weights.reshape(count, 8))


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
    if array.flags.writeable:
        return torch.from_numpy(array)
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)


class Probe:
    """The channels of a lattice as a :class:`Sampler` reads them, one at a time and on the CPU.

    A hundred points take a tenth of the time. The two differ by what rounding differs.

    Parameters
    ----------
    data
        ``[C, z, y, x]``; it is read in place.
    origin, spacing
        (z, y, x) position of voxel 0, and edge of a voxel, in mm.
    """

    def __init__(self, data: npt.NDArray[np.float32], origin: tuple[float, float, float], spacing: float) -> None:
        self._channels = list(tensor(np.asarray(data)).numpy())
        self._origin, self._spacing = origin, spacing

    def __call__(self, points: npt.NDArray[np.floating], channel: int) -> npt.NDArray[np.float32]:
        """Values ``[...]`` of a channel at points ``[..., 3]`` (z, y, x in mm)."""
        found = np.empty(points.size // 3, np.float32)
        at = np.array(points, np.float64, order="C").reshape(-1, 3)
        probe(self._channels[channel], self._origin, self._spacing, at, found)
        return found.reshape(points.shape[:-1])


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
