"""One subject's anatomy at any point: what lesions are placed by and what images are read from."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.cards import load_card
from xaigt.anatomy.fields import CHANNELS, Fields
from xaigt.anatomy.lattices import Axes, Part
from xaigt.anatomy.lobes import LOBE, lobes_at
from xaigt.anatomy.subjects import Subject, SubjectMap
from xaigt.volume import Grid


@dataclass(frozen=True)
class Anatomy:
    """The fields of a template seen through a subject; satisfies :class:`xaigt.lesions.World`.

    Parameters
    ----------
    fields
        At the template's own resolution.
    map
        The subject.
    grid
        Voxels that it will be seen on, if they are known before lesions are drawn.
    """

    fields: Fields
    map: SubjectMap
    grid: Grid | None = None
    _mapped: _Last = field(default_factory=lambda: _Last(), repr=False, compare=False)
    _read: _Last = field(default_factory=lambda: _Last(), repr=False, compare=False)

    @classmethod
    def of(cls, fields: Fields, subject: Subject, device: torch.device) -> Anatomy:
        """Anatomy of a drawn subject; drawing and rendering the same sample share what it computes once."""
        return _anatomy(fields, subject, device)

    @property
    def device(self) -> torch.device:
        """Where points are evaluated."""
        return self.map.device

    @property
    def scale(self) -> tuple[float, float, float]:
        """(z, y, x): a position of template space times this is the corresponding position of MNI space."""
        x, y, z = self.fields.scale
        return z, y, x

    @property
    def modality(self) -> str:
        """Contrast of the template."""
        return load_card(self.fields.template).modality

    def __call__(self, points: torch.Tensor, channel: str) -> torch.Tensor:
        """Return a field at points ``[..., 3]`` (z, y, x; mm) of scanner space."""
        return self.at_template(self.to_template(points), channel)

    def at_template(self, points: torch.Tensor, channel: str) -> torch.Tensor:
        """Return a field at points ``[..., 3]`` of template space.

        On a GPU all channels are read at once, and kept until other points are asked for. The name ``lobe`` gives the
        number of the lobe at each point (see :mod:`xaigt.lobes`), which is computed from its position.
        """
        if channel == LOBE:
            return torch.from_numpy(lobes_at(self.fields.scale, *points.cpu().numpy().astype(np.float64).T).T).to(
                points
            )
        sampler, number = self.fields.sampler(self.device), CHANNELS.index(channel)
        found = sampler.channel(points, number)
        return self._read(points, sampler)[number] if found is None else found

    def to_template(self, points: torch.Tensor) -> torch.Tensor:
        """Map points ``[..., 3]`` (z, y, x; mm) of scanner space to template space; kept until others are mapped."""
        return self._mapped(points, self.map.to_template)

    def probe(self, points: npt.NDArray[np.floating], channel: str) -> npt.NDArray[np.float32]:
        """Return a field at a few points ``[..., 3]`` of template space: what decisions are made by."""
        if channel == LOBE:
            return lobes_at(self.fields.scale, *np.moveaxis(points, -1, 0)).astype(np.float32)
        return self.fields.probe(points, CHANNELS.index(channel))

    def locate(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Map a few points ``[..., 3]`` (z, y, x; mm) of scanner space to template space."""
        return self.map.locate(points)

    def lattice(self, axes: Axes) -> torch.Tensor:
        """Points ``[z, y, x, 3]`` of scanner space with these coordinates (mm); mapping them next costs little."""
        points = self.points(axes)
        self._mapped.keep(points, self.map.on_lattice(axes).points())
        return points

    def voxels(self, grid: Grid, part: Part) -> torch.Tensor:
        """Centres ``[z, y, x, 3]`` of a part of a grid; the grid is mapped once for all of its parts."""
        z, y, x = (axis[along] for axis, along in zip(grid.axes(), part, strict=True))
        points = self.points((z, y, x))
        self._mapped.keep(points, self.map.on_grid(grid).points(part))
        return points

    def points(self, axes: Axes) -> torch.Tensor:
        """Points ``[z, y, x, 3]`` of scanner space with these coordinates (mm), not mapped yet."""
        z, y, x = axes
        points = np.empty((3, len(z), len(y), len(x)), np.float32)
        points[0], points[1], points[2] = z[:, None, None], y[:, None], x
        return torch.from_numpy(points).to(self.device).movedim(0, -1)

    def to_scanner(self, point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Point of scanner space that shows a point of template space (z, y, x; mm)."""
        return self.map.to_scanner(point)


class _Last:
    """A function of a tensor that is not computed again for the tensor it was called with last.

    It is the same tensor if it is the same object and nothing was written to it or to the result meanwhile.
    """

    def __init__(self) -> None:
        self._argument: weakref.ref[torch.Tensor] | None = None
        self._versions = (0, 0)
        self._result: torch.Tensor | None = None

    def __call__(self, argument: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        kept = self._result
        same = kept is not None and self._argument is not None and self._argument() is argument
        if kept is not None and same and self._versions == (argument._version, kept._version):
            return kept
        result = function(argument)
        self.keep(argument, result)
        return result

    def keep(self, argument: torch.Tensor, result: torch.Tensor) -> None:
        """Know the result of a tensor."""
        self._argument = weakref.ref(argument, self._forget)
        self._versions = (argument._version, result._version)
        self._result = result

    def _forget(self, reference: weakref.ref[torch.Tensor]) -> None:
        if reference is self._argument:
            self._argument = self._result = None


@lru_cache(maxsize=4)
def _anatomy(fields: Fields, subject: Subject, device: torch.device) -> Anatomy:
    return Anatomy(fields, SubjectMap(subject, fields, device))
