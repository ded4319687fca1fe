"""What every lesion family offers, and what it may ask of the subject it is planted in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch

from xaigt.errors import XaigtError
from xaigt.schema import Strict
from xaigt.volume import Grid

Corner = tuple[float, float, float]
Streams = Callable[[str], np.random.Generator]
"""Gives the random stream of one purpose of one lesion."""


class DrawError(XaigtError):
    """What was drawn cannot be made, but another draw may: the message says what the recipe would have to allow."""


class LesionRecipe(Strict):
    """Base of the part of a recipe that describes one kind of lesion."""

    family: str


class Lesion(Strict):
    """Base of the drawn numbers of one lesion: what provenance keeps.

    Positions are (z, y, x) in mm of scanner space; `volume_mm3` is the nominal volume that was reached;
    `z_range_mm` are the heights between which an axial slice shows the lesion well.
    """

    family: str
    centre_mm: tuple[float, float, float]
    radius_mm: float
    volume_mm3: float
    z_range_mm: tuple[float, float]


@dataclass(frozen=True)
class Footprint:
    """A lesion at a set of points.

    Parameters
    ----------
    core
        Share (0..1) of the point's surroundings that the lesion fills.
    level
        Image value of the lesion there.
    oedema
        Strength (0..1) of the oedema around it.
    shift
        What full oedema adds to the image value of parenchyma.
    add
        If given, the lesion adds this to what is there, in place of replacing it by `level`.
    """

    core: torch.Tensor
    level: torch.Tensor
    oedema: torch.Tensor
    shift: float
    add: torch.Tensor | None = None


class World(Protocol):
    """What a lesion may ask of the subject it is planted in, at the full resolution of the template."""

    @property
    def device(self) -> torch.device:
        """Where points are evaluated."""

    @property
    def modality(self) -> str:
        """Contrast of the template: ``CT``, or that of an MR image, such as ``FLAIR``."""

    @property
    def scale(self) -> tuple[float, float, float]:
        """(z, y, x): a position of template space times this is the corresponding position of MNI space."""

    @property
    def grid(self) -> Grid | None:
        """Voxels that the lesion will be seen on, if they are known before it is drawn; a 2-D lesion then lies in them.

        Always known in 3-D; in 2-D where the recipe draws the slice first.
        """

    def __call__(self, points: torch.Tensor, channel: str) -> torch.Tensor:
        """Return a field (see :mod:`xaigt.anatomy.fields`) at points ``[..., 3]`` (z, y, x; mm) of scanner space."""

    def at_template(self, points: torch.Tensor, channel: str) -> torch.Tensor:
        """Return a field at points ``[..., 3]`` of template space."""

    def to_template(self, points: torch.Tensor) -> torch.Tensor:
        """Map points ``[..., 3]`` of scanner space to template space."""

    def to_scanner(self, point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Point of scanner space that shows a point of template space (z, y, x; mm)."""

    def probe(self, points: npt.NDArray[np.floating], channel: str) -> npt.NDArray[np.float32]:
        """Return a field at a few points ``[..., 3]`` of template space, as :meth:`at_template` does for many."""

    def locate(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Map a few points ``[..., 3]`` of scanner space to template space, as :meth:`to_template` does many."""


class Family(ABC):
    """One kind of lesion: all randomness in :meth:`draw`, none in :meth:`footprint`."""

    name: ClassVar[str]
    recipe: ClassVar[type[LesionRecipe]]
    lesion: ClassVar[type[Lesion]]
    compartments: ClassVar[tuple[str, ...]]
    """Where such a lesion may lie (names of the bits of the array ``compartment``)."""
    smallest_mm3: ClassVar[float] = 100.0
    """A lesion that the anatomy cut below this volume is drawn again: it would be no evidence."""

    plain: ClassVar[bool] = False
    """Whether the core follows from a distance to the lesion and from nothing finer: with an edge made soft enough, one
    point then shows that the lesion is near it."""

    @abstractmethod
    def draw(self, streams: Streams, recipe: Any, world: World) -> Lesion:
        """Draw one lesion and resolve it: place, shape and the level that gives it its volume.

        One that finds no place has a volume of 0, and is drawn again.

        Raises
        ------
        DrawError
            If what was drawn cannot be made; it is drawn again.
        """

    @abstractmethod
    def reach(self, lesion: Any) -> float:
        """Distance in mm from the centre beyond which the lesion and its oedema change nothing."""

    def bounds(self, lesion: Any) -> tuple[Corner, Corner] | None:
        """Lowest and highest corner (z, y, x; mm) of a box that holds all of a lesion and its oedema.

        By default None: the ball of :meth:`reach` is all that is known.
        """
        return None

    @abstractmethod
    def footprint(self, lesion: Any, world: World, points: torch.Tensor, softness: float) -> Footprint:
        """Evaluate the lesion at points ``[..., 3]`` (z, y, x; mm), its edge `softness` mm wide."""

    def nominal(self, lesion: Any, world: World, points: torch.Tensor) -> torch.Tensor | None:
        """Whether voxel centres ``[..., 3]`` belong to the lesion, where the family has an exact answer.

        By default None: a voxel belongs to the lesion that fills at least half of it.
        """
        return None

    def displacement(self, lesion: Any, world: World, points: torch.Tensor, strength: float) -> torch.Tensor | None:
        """Offsets ``[..., 3]`` (mm) from points to where the tissue seen there was before the lesion pushed it.

        By default None: such a lesion displaces nothing. `strength` is the share of its volume made by pushing.
        """
        return None
