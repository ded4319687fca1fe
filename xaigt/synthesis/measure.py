"""Measuring what was planted, on the stored arrays: the rows of lesions.parquet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.anatomy.world import Anatomy
from xaigt.compiled.masks import tally
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

    @property
    def nothing(self) -> dict[str, Any]:
        """What :meth:`measure` says of an empty mask."""
        return NOTHING | ({"area_mm2": 0.0} if self._flat else {})

    @property
    def _flat(self) -> bool:
        return self.grid.shape[0] == 1

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
            halves = mixed is not None and mixed[number - 1]
            found.append(self._within(box, numbers[box] == number, image[box], without[box], minimum_cnr, halves))
        return found

    def measure(
        self,
        mask: npt.NDArray[np.bool_],
        image: npt.NDArray[Any],
        without: npt.NDArray[Any],
        minimum_cnr: float,
        mixed: bool = False,
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
        """
        box = box_of(mask)
        if box[0].stop == 0:
            return self.nothing
        return self._within(box, mask[box], image[box], without[box], minimum_cnr, mixed)

    def _within(
        self,
        box: tuple[slice, ...],
        mask: npt.NDArray[np.bool_],
        image: npt.NDArray[Any],
        without: npt.NDArray[Any],
        minimum_cnr: float,
        mixed: bool,
    ) -> dict[str, Any]:
        """Return what :meth:`measure` says, of arrays that are cut to the smallest box of the lesion."""
        grid, sums = self.grid, np.empty(7)
        tally(mask, image.astype(np.float32), without.astype(np.float32), sums)
        voxels, total, changed = int(sums[0]), sums[4], sums[5]
        contrast = changed / voxels
        deviation = _of_halves(image[mask] - without[mask].astype(np.float32)) if mixed else abs(contrast)
        cnr = deviation / self.noise_sd if self.noise_sd > 0 else None
        unit = math.prod(grid.spacing[1:] if self._flat else grid.spacing)
        extents = (length * step for length, step in zip(mask.shape, grid.spacing, strict=True))
        middle = [part.start + places / voxels for part, places in zip(box, sums[1:4], strict=True)]
        value = compactness(mask[0], grid.spacing[1:]) if self._flat else compactness(mask, grid.spacing)
        return NOTHING | {
            "voxels": voxels,
            "area_mm2": round(voxels * unit, 4) if self._flat else None,
            **{f"extent_{axis}_mm": round(extent, 4) for axis, extent in zip("zyx", extents, strict=True)},
            "compactness": round(float(value), 4),
            "mass": round(float(changed) * unit, 2),
            "mean": round(float(total) / voxels, 4),
            "contrast": round(float(contrast), 4),
            "peak": round(float(sums[6]), 4),
            "cnr": None if cnr is None else round(float(cnr), 4),
            "visible": bool(cnr is None or cnr >= minimum_cnr),
            "side": _side(middle, grid, self.anatomy),
        }


NOTHING: dict[str, Any] = {
    "voxels": 0, "area_mm2": None, "extent_z_mm": 0.0, "extent_y_mm": 0.0, "extent_x_mm": 0.0, "compactness": None,
    "mass": None, "mean": None, "contrast": None, "peak": None, "cnr": None, "visible": False, "side": None,
}  # fmt: skip
"""What is measured of a lesion that no voxel shows."""


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


def _side(middle: Sequence[float], grid: Grid, anatomy: Anatomy) -> str:
    """Side of the patient, in the head's own frame, on which a place given in voxels lies."""
    place = [
        axis[0] + (axis[-1] - axis[0]) * at / max(len(axis) - 1, 1)
        for axis, at in zip(grid.axes(), middle, strict=True)
    ]
    x = float(anatomy.locate(np.array(place))[2])
    return "midline" if abs(x) < SIDE_MM else "right" if x > 0 else "left"
