"""Measuring what was planted, on the stored arrays: the rows of lesions.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.anatomy.world import Anatomy
from xaigt.lesions import Lesion
from xaigt.shape import box_of, boxes_of, compactness
from xaigt.synthesis.effects import Effect
from xaigt.volume import Grid

SIDE_MM = 3.0  # a lesion whose middle is nearer to the midline lies on neither side
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Ruler:
    """Measures masks of one sample.

    Attributes
    ----------
    grid, anatomy
        Where its voxels are, and in whom.
    noise_sd
        SD of its noise, in units of the image.
    """

    grid: Grid
    anatomy: Anatomy
    noise_sd: float

    @cached_property
    def nothing(self) -> dict[str, Any]:
        """What :meth:`measure` says of an empty mask."""
        blank = np.zeros((1, 1, 1), np.int16)
        return self.measure(blank > 0, blank, blank, 0.0)

    def of_each(
        self,
        numbers: npt.NDArray[np.uint8],
        count: int,
        image: npt.NDArray[Any],
        without: npt.NDArray[Any],
        minimum_cnr: float,
        mixed: Sequence[bool] | None = None,
    ) -> list[dict[str, Any]]:
        """Return what :meth:`measure` says of each lesion whose number, from 1 to `count`, stands in an array."""
        found = []
        for number, box in enumerate(boxes_of(numbers, count), start=1):
            if box is None:
                found.append(self.nothing)
                continue
            first = tuple(part.start for part in box)
            mask, halves = numbers[box] == number, mixed is not None and mixed[number - 1]
            found.append(self.measure(mask, image[box], without[box], minimum_cnr, halves, first))
        return found

    def measure(
        self,
        mask: npt.NDArray[np.bool_],
        image: npt.NDArray[Any],
        without: npt.NDArray[Any],
        minimum_cnr: float,
        mixed: bool = False,
        first: tuple[int, ...] = (0, 0, 0),
    ) -> dict[str, Any]:
        """Sizes, shape and contrast of one lesion.

        Parameters
        ----------
        mask
            ``[z, y, x]``: its voxels.
        image, without
            With it and without it, the same noise.
        minimum_cnr
            Absolute mean contrast over SD of the noise from which it is visible.
        mixed
            Whether it has brighter and darker parts, which its mean would cancel: the contrast to noise is then that of
            its brighter or its darker half, whichever stands out more.
        first
            Voxel of the grid at which the arrays begin, if they are a part of it.
        """
        grid = self.grid
        box = box_of(mask)
        mask, image, without = mask[box], image[box], without[box]
        where = np.argwhere(mask) + [start + part.start for start, part in zip(first, box, strict=True)]
        voxels = len(where)
        flat = grid.shape[0] == 1
        extent = (where.max(0) - where.min(0) + 1) * np.asarray(grid.spacing) if voxels else np.zeros(3)
        inside = image[mask]
        change = inside.astype(np.float32) - without[mask] if voxels else np.zeros(1, np.float32)
        contrast = float(change.mean())
        cnr = (_of_halves(change) if mixed else abs(contrast)) / self.noise_sd if self.noise_sd > 0 else None
        unit = grid.spacing[1] * grid.spacing[2] * (1 if flat else grid.spacing[0])
        row: dict[str, Any] = {
            "voxels": voxels,
            "area_mm2": round(voxels * unit, 4) if flat else None,
            "extent_z_mm": round(float(extent[0]), 4),
            "extent_y_mm": round(float(extent[1]), 4),
            "extent_x_mm": round(float(extent[2]), 4),
            "compactness": None,
            "mass": round(float(change.sum()) * unit, 2) if voxels else None,
            "mean": round(float(inside.mean()), 4) if voxels else None,
            "contrast": round(contrast, 4) if voxels else None,
            "peak": round(float(change[np.abs(change).argmax()]), 4) if voxels else None,
            "cnr": round(cnr, 4) if voxels and cnr is not None else None,
            "visible": bool(voxels) and (cnr is None or cnr >= minimum_cnr),
            "side": _side(where, grid, self.anatomy) if voxels else None,
        }
        if voxels:
            value = compactness(mask[0], grid.spacing[1:]) if flat else compactness(mask, grid.spacing)
            row["compactness"] = round(float(value), 4)
        return row


def described(lesion: Lesion | Effect) -> dict[str, Any]:
    """What a row says of the drawn lesion, or effect, itself."""
    if isinstance(lesion, Effect):
        drawn: dict[str, Any] = {"family": lesion.kind, "volume_mm3": None, "stage": None}
    else:
        drawn = {"family": lesion.family, "volume_mm3": lesion.volume_mm3, "stage": getattr(lesion, "stage", None)}
    names = ("centre_z_mm", "centre_y_mm", "centre_x_mm")
    return drawn | dict(zip(names, lesion.centre_mm, strict=True)) | {"parameters": lesion.model_dump_json()}


def _of_halves(change: npt.NDArray[np.float32]) -> float:
    """Absolute mean of the larger or of the smaller half of some values, whichever is more."""
    ordered = np.sort(change)
    middle = (len(ordered) + 1) // 2
    return max(abs(float(ordered[:middle].mean())), abs(float(ordered[-middle:].mean())))


def _side(where: npt.NDArray[np.intp], grid: Grid, anatomy: Anatomy) -> str:
    """Side of the patient that the middle of the mask lies on, in the head's own frame."""
    corners = [axis[[0, -1]] for axis in grid.axes()]
    shares = where.mean(0) / np.maximum(np.asarray(grid.shape) - 1, 1)
    middle = [float(ends[0] + (ends[1] - ends[0]) * share) for ends, share in zip(corners, shares, strict=True)]
    x = float(anatomy.locate(np.array(middle))[2])
    return "midline" if abs(x) < SIDE_MM else "right" if x > 0 else "left"
