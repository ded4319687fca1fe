"""One subject's anatomy at any point: what lesions are placed by and what images are read from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from xaigt.anatomy.fields import CHANNELS, Fields
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

    @classmethod
    def of(cls, fields: Fields, subject: Subject, device: torch.device) -> Anatomy:
        """Anatomy of a drawn subject; drawing and rendering the same sample share what it computes once."""
        return _anatomy(fields, subject, device)

    @property
    def device(self) -> torch.device:
        """Where points are evaluated."""
        return self.map.device

    def __call__(self, points: torch.Tensor, channel: str) -> torch.Tensor:
        """Return a field at points ``[..., 3]`` (z, y, x; mm) of scanner space."""
        return self.at_template(self.map.to_template(points), channel)

    def at_template(self, points: torch.Tensor, channel: str) -> torch.Tensor:
        """Return a field at points ``[..., 3]`` of template space."""
        index = CHANNELS.index(channel)
        return self.fields.sampler(self.device)(points, slice(index, index + 1))[0]

    def to_template(self, points: torch.Tensor) -> torch.Tensor:
        """Map points ``[..., 3]`` (z, y, x; mm) of scanner space to template space."""
        return self.map.to_template(points)

    def to_scanner(self, point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Point of scanner space that shows a point of template space (z, y, x; mm)."""
        return self.map.to_scanner(point)


@lru_cache(maxsize=4)
def _anatomy(fields: Fields, subject: Subject, device: torch.device) -> Anatomy:
    return Anatomy(fields, SubjectMap(subject, fields, device))
