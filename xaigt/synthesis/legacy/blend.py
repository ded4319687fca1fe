"""How the published study puts lesions into a slice, and what it calls the truth.

A background B is scaled to [0, 0.7]. Each lesion is scaled from its lowest to its highest value onto [m, 0.5] and laid
into L; the image is ``X = 1 - (1 - B)(1 - L)`` inside the brain. Image and lesions are then resized from 270 to 224
pixels; the truth is where an unscaled, resized lesion is above 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SOURCE, STORED = 270, 224
"""Pixels along a side, as lesions are placed and as images are stored."""
BRAIN_TOP, LESION_TOP = 0.7, 0.5
BOX_VALUE = 0.1
"""m of the published runs: the lowest value of a lesion, and so of the whole rectangle around it."""


@dataclass(frozen=True)
class Placed:
    """A lesion and where the upper left pixel of its rectangle lies, in the 270 x 270 frame."""

    pixels: Image
    row: int
    column: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the rectangle that lie inside the frame."""
        rows, columns = (_kept(start, count) for start, count in self._sides())
        return (
            slice(self.row + rows.start, self.row + rows.stop),
            slice(self.column + columns.start, self.column + columns.stop),
        )

    def inside(self) -> Image:
        """Part of the pixels that lies in the window."""
        rows, columns = (_kept(start, count) for start, count in self._sides())
        return self.pixels[rows, columns]

    def _sides(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.row, self.pixels.shape[0]), (self.column, self.pixels.shape[1])


def _kept(start: int, count: int) -> slice:
    """Which of `count` pixels lie in the frame if the first lies at `start`."""
    first = max(0, -start)
    return slice(first, max(first, min(count, SOURCE - start)))


def rescale(image: Image, low: float, high: float) -> Image:
    """Map the lowest value to `low` and the highest to `high`, linearly."""
    bottom, top = float(image.min()), float(image.max())
    return (image - bottom) / (top - bottom) * (high - low) + low


def lay(lesions: Sequence[Placed], box_value: float) -> Image:
    """Layer L ``[270, 270]``: every lesion scaled to [`box_value`, 0.5]; where two meet, the brighter one counts."""
    layer = np.zeros((SOURCE, SOURCE))
    for lesion in lesions:
        scaled = rescale(lesion.pixels, box_value, LESION_TOP)
        part = Placed(scaled, lesion.row, lesion.column)
        layer[part.window] = np.maximum(layer[part.window], part.inside())
    return layer


def blend(background: Image, layer: Image) -> Image:
    """``1 - (1 - B)(1 - L)`` where the background is above 0; the background elsewhere."""
    return np.where(background > 0, 1 - (1 - background) * (1 - layer), background)


def truth(lesions: Sequence[Placed]) -> npt.NDArray[np.uint8]:
    """Instance numbers ``[224, 224]``, from 1: where a resized lesion is above 0; the larger value owns the pixel."""
    owner = np.zeros((STORED, STORED), np.uint8)
    largest = np.zeros((STORED, STORED))
    for number, lesion in enumerate(lesions, start=1):
        frame = np.zeros((SOURCE, SOURCE))
        frame[lesion.window] = lesion.inside()
        value = shrink(frame)
        owner[value > largest] = number
        largest = np.maximum(largest, value)
    return owner


def shrink(image: Image) -> Image:
    """Resize 270 x 270 to 224 x 224: linear interpolation between pixel centres.

    What scikit-image's ``resize`` does with the published arguments: at this ratio the Gaussian of its
    anti-aliasing (sd 0.103 pixels, cut off at 4 sd) has no neighbour to weigh, and is nothing.
    """
    low, weight = interpolation(len(image), len(image) * STORED // SOURCE)
    rows = image[low] * (1 - weight[:, None]) + image[low + 1] * weight[:, None]
    return rows[:, low] * (1 - weight) + rows[:, low + 1] * weight


def interpolation(before: int, after: int) -> tuple[npt.NDArray[np.intp], Image]:
    """Lower neighbour of each new pixel centre, and the weight of the upper one."""
    position = (np.arange(after) + 0.5) * before / after - 0.5
    low = np.floor(position).astype(np.intp)
    return low, position - low
