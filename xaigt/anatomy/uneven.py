"""Slices at uneven distances: NIfTI has one slice distance, so where they lie must be said beside it.

The positions come from a file (``xaigt templates add --slice-positions FILE``) or from the JSON sidecar of a volume,
under the name ``SlicePositions``: one number in mm for each slice, along the slice axis, such as the z of DICOM's
ImagePositionPatient (0020,0032) or its SliceLocation. (The name is ours: BIDS has none for it.) The volume is then
read as one of even slices, as far apart as the closest two, by linear interpolation between neighbours.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xaigt.anatomy.intake import Volume
from xaigt.anatomy.sources import TemplateError

SIDECAR_KEY = "SlicePositions"
SLICE_AXIS = 2  # the third axis of the file, as converters write it
CLOSEST_MM, LARGEST_GAP_MM = 0.05, 30.0
EVEN_MM = 0.01  # distances that differ by less are even


def read_positions(path: Path) -> list[float]:
    """Read positions of slices (mm): numbers in a text file, a JSON list, or ``SlicePositions`` of a JSON object.

    Raises
    ------
    TemplateError
        If the file cannot be read or holds no such numbers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: cannot be read as text ({error}).") from None
    if path.suffix != ".json":
        try:
            return _checked([float(word) for word in text.replace(",", " ").split()], path)
        except ValueError:
            raise TemplateError(f"{path}: holds more than numbers; give one position in mm for each slice.") from None
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise TemplateError(f"{path}: not valid JSON ({error}).") from None
    numbers = found.get(SIDECAR_KEY) if isinstance(found, dict) else found
    if not isinstance(numbers, list) or not all(isinstance(n, int | float) for n in numbers):
        raise TemplateError(f"{path}: give a list of numbers (mm), or an object that holds one as {SIDECAR_KEY}.")
    return _checked([float(number) for number in numbers], path)


def beside(path: Path) -> list[float] | None:
    """Positions that the JSON sidecar of a volume holds; None if there is no sidecar or it says nothing of them."""
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    if not sidecar.is_file():
        return None
    try:
        found = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it is not ours, and need not be read
        return None
    return read_positions(sidecar) if isinstance(found, dict) and SIDECAR_KEY in found else None


def evened(volume: Volume, positions: Sequence[float] | None) -> Volume:
    """Resample a volume of uneven slices to even ones.

    Parameters
    ----------
    volume
        As it lies in the file; its slice distance is taken to mean nothing.
    positions
        Of its slices along the third axis in mm, rising or falling; None: they are even.

    Raises
    ------
    TemplateError
        If there are not as many positions as slices.
    """
    if positions is None:
        return volume
    count = volume.data.shape[SLICE_AXIS]
    if len(positions) != count:
        raise TemplateError(f"{volume.path}: has {count} slices, but {len(positions)} positions of slices were given.")
    along = np.abs(np.asarray(positions) - positions[0])
    gaps = np.diff(along)
    step = float(gaps.min())
    if float(np.ptp(gaps)) < EVEN_MM:
        step = float(gaps.mean())
        data = volume.data
    else:
        places = np.arange(math.floor(along[-1] / step + 1e-6) + 1) * step
        low = np.clip(np.searchsorted(along, places, side="right") - 1, 0, count - 2)
        share = np.clip((places - along[low]) / gaps[low], 0, 1).astype(np.float32)
        data = np.ascontiguousarray(volume.data[:, :, low] * (1 - share) + volume.data[:, :, low + 1] * share)
    affine = volume.affine.copy()
    affine[:3, SLICE_AXIS] *= step / np.linalg.norm(affine[:3, SLICE_AXIS])
    return replace(volume, data=data, affine=affine)


def _checked(positions: list[float], path: Path) -> list[float]:
    gaps = np.diff(positions)
    if len(positions) < 2 or not np.isfinite(positions).all() or not ((gaps > 0).all() or (gaps < 0).all()):
        raise TemplateError(f"{path}: positions of slices must rise, or fall, from each to the next.")
    if np.abs(gaps).min() < CLOSEST_MM or np.abs(gaps).max() > LARGEST_GAP_MM:
        raise TemplateError(
            f"{path}: slices are {np.abs(gaps).min():g} to {np.abs(gaps).max():g} mm apart; "
            f"{CLOSEST_MM:g} to {LARGEST_GAP_MM:g} mm can be. Are the positions in millimetres?"
        )
    return positions
