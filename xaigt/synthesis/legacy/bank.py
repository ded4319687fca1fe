"""The lesion bank of the published study: round and irregular blobs harvested from smoothed noise.

For seed 0, 1, ...: uniform noise of 256 x 256, smoothed (Gaussian, sd 2), binarised by Otsu's threshold, eroded, then
opened: image A. A eroded again: image B. Components (4-connected) of exactly 70 pixels of A, then of B, in the order of
their labels, are kept if they are round or irregular (compactness 4 pi area / perimeter^2, Crofton perimeter), and if,
after a slight blur, their sum is close to 67.375. It goes on until both classes have more than 50.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from xaigt.synthesis.legacy.kept import Arrays, kept

ROUND, IRREGULAR = 0, 1
HARVESTED = 50
"""Lesions a class that the published code keeps."""
USED = 30
"""Lesions a class that its images are made of: the first of those it keeps."""
VERSION = 1  # of this code: raise it when any blob changes

_SIDE, _NOISE_SD, _PIXELS = 256, 2.0, 70
_ROUND_ABOVE, _IRREGULAR_BELOW = 0.8, 0.4
_BORDER, _BLUR_SD = 2, 0.75
_FLOOR = {ROUND: 0.2, IRREGULAR: 0.15}
_SUM = _PIXELS - _PIXELS * 0.05 * _BLUR_SD  # 67.375
_UPSCALING = 2

Image = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Blob:
    """One lesion of the bank, before upscaling.

    Parameters
    ----------
    pixels
        ``[h, w]``, 0..1.
    compactness
        Of the 70 pixels it grew from, rounded to 3 decimals as published.
    seed
        Of the noise it was found in.
    """

    pixels: Image
    compactness: float
    seed: int


def blobs_of_seed(seed: int) -> Iterator[tuple[int, Blob]]:
    """Class and blob of every lesion that one noise image gives, in the published order."""
    from skimage.filters import threshold_otsu

    smooth = ndimage.gaussian_filter(np.random.RandomState(seed).rand(_SIDE, _SIDE), _NOISE_SD)
    eroded = ndimage.binary_erosion(smooth > threshold_otsu(smooth))
    opened = ndimage.binary_opening(eroded)
    for binary in (opened, ndimage.binary_erosion(opened)):
        for mask in _components(binary):
            compactness = crofton_compactness(mask)
            kind = ROUND if compactness > _ROUND_ABOVE else IRREGULAR if compactness < _IRREGULAR_BELOW else None
            if kind is None:
                continue
            pixels = ndimage.gaussian_filter(np.pad(mask.astype(float), _BORDER), _BLUR_SD)
            pixels[pixels < _FLOOR[kind]] = 0
            if _SUM - 1 <= round(float(pixels.sum()), 2) <= _SUM + 1:
                yield kind, Blob(pixels, round(compactness, 3), seed)


def _components(binary: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.bool_]]:
    """Crops of the components of exactly 70 pixels, in the order of their labels."""
    labels, _ = ndimage.label(binary)
    sizes = np.bincount(labels.ravel())
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(sizes == _PIXELS):
        if label > 0:
            yield labels[boxes[label - 1]] == label


def crofton_compactness(mask: npt.NDArray[np.bool_]) -> float:
    """4 pi area / perimeter^2 with the Crofton perimeter in four directions; 1 for a disc."""
    from skimage.measure import perimeter_crofton

    return float(4 * math.pi * mask.sum() / perimeter_crofton(mask, directions=4) ** 2)


def harvest() -> tuple[tuple[list[Blob], list[Blob]], int]:
    """Harvest both classes until each has more than 50.

    Returns
    -------
    tuple
        All blobs found, ``(round, irregular)``, and the last seed that was used.
    """
    found: tuple[list[Blob], list[Blob]] = ([], [])
    seed = 0
    while min(len(found[ROUND]), len(found[IRREGULAR])) <= HARVESTED:
        for kind, blob in blobs_of_seed(seed):
            found[kind].append(blob)
        seed += 1
    return found, seed - 1


@lru_cache(maxsize=1)
def load_bank() -> tuple[tuple[Blob, ...], tuple[Blob, ...]]:
    """Return the 50 blobs of each class, ``(round, irregular)``, from the cache or harvested now."""
    arrays = kept(f"bank-{VERSION}", _harvested)
    first, second = (
        tuple(
            Blob(arrays[f"pixels-{kind}-{number}"], float(compactness), int(seed))
            for number, (compactness, seed) in enumerate(arrays[f"facts-{kind}"])
        )
        for kind in (ROUND, IRREGULAR)
    )
    return first, second


@lru_cache(maxsize=1)
def templates() -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    """Return the 50 lesions of each class as images are made of: blobs upscaled by 2, ``(round, irregular)``."""
    bank = load_bank()
    return tuple(upscale(blob.pixels) for blob in bank[ROUND]), tuple(upscale(blob.pixels) for blob in bank[IRREGULAR])


def upscale(pixels: Image) -> Image:
    """Twice as many rows and columns, linear."""
    from skimage.transform import resize

    rows, columns = pixels.shape
    return np.asarray(resize(pixels, (rows * _UPSCALING, columns * _UPSCALING)), np.float64)


def _harvested() -> Arrays:
    found, _ = harvest()
    arrays: Arrays = {}
    for kind, blobs in enumerate(found):
        chosen = blobs[:HARVESTED]
        arrays[f"facts-{kind}"] = np.array([[blob.compactness, blob.seed] for blob in chosen])
        arrays |= {f"pixels-{kind}-{number}": blob.pixels for number, blob in enumerate(chosen)}
    return arrays
