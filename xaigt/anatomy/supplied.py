"""What a card supplies: its image in the units it is meant in, brain masks and tissue maps in the same place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xaigt.anatomy import ct
from xaigt.anatomy.cards import TemplateCard, TemplateError
from xaigt.anatomy.geometry import Mask
from xaigt.anatomy.intake import Volume, cormack_to_hu, read_volume
from xaigt.anatomy.uneven import evened

BRAIN_ML = (600.0, 2600.0)
LEAST_VALUES = 64  # different ones of an image; masks have two, label maps some dozens, images of eight bits 200


def read_image(card: TemplateCard) -> Volume:
    """Read the image of a template, in HU if it is a CT.

    Raises
    ------
    TemplateError
        If the file is refused (see :mod:`xaigt.anatomy.intake`), or holds a mask or labels.
    """
    volume = _read(card, "image")
    every_other = volume.data[::2, ::2, ::2]
    if len(np.unique(every_other)) < LEAST_VALUES and (count := len(np.unique(volume.data))) < LEAST_VALUES:
        raise TemplateError(
            f"{volume.path}: holds {count} different values only: a mask or a label map, not an image. "
            "A mask of the brain goes with the image it belongs to: xaigt templates add IMAGE --brain MASK."
        )
    if card.values == "cormack" and not card.has("head"):
        return replace(volume, data=cormack_to_hu(volume.data))
    return volume


def _read(card: TemplateCard, role: str) -> Volume:
    return evened(read_volume(card.file(role)), card.slice_positions(role))


def background(volume: Volume) -> float:
    """Value of the voxels at the border of the file: what lies beyond it, too."""
    data = volume.data
    faces = [data[0], data[-1], data[:, 0], data[:, -1], data[:, :, -1]]
    return float(np.median(np.concatenate([face.ravel() for face in faces])))


def brain_alone(volume: Volume) -> Mask | None:
    """Mask of the brain, if the image is skull-stripped: one exact background, and a brain's volume in front of it."""
    found = ct.background_mask(volume.data)
    voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
    if not found.stripped or not BRAIN_ML[0] <= float(found.brain.sum()) * voxel_ml <= BRAIN_ML[1]:
        return None
    return found.brain


def same_place(card: TemplateCard, role: str, image: Volume) -> Volume:
    """Read a mask or map.

    Raises
    ------
    TemplateError
        If the middle of the image is not in it: they do not share one space.
    """
    other = _read(card, role)
    centre = image.affine @ [*(np.array(image.data.shape) / 2), 1]
    index = np.linalg.inv(other.affine) @ centre
    if (index[:3] < 0).any() or (index[:3] > other.data.shape).any():
        raise TemplateError(f"{other.path}: does not lie where {image.path} lies; both must share one space.")
    return other


def tissue_map(card: TemplateCard, role: str, image: Volume) -> Volume:
    """Read a tissue map, scaled to 0..1 (maps of 0..100 and 0..255 are common).

    Raises
    ------
    TemplateError
        If its values are no fractions.
    """
    volume = same_place(card, role, image)
    high = float(volume.data.max())
    full = 1.0 if high <= 1.05 else 100.0 if high <= 100.5 else 255.0
    if volume.data.min() < -0.01 * full or (high > 1.001 * full and full != 1.0):
        raise TemplateError(f"{volume.path}: a tissue map holds fractions (0..1, 0..100 or 0..255), not {high:g}.")
    return replace(volume, data=np.clip(volume.data / np.float32(full), 0, 1))
