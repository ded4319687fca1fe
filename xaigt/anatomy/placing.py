"""Laying the brain of an image into the head frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from xaigt.anatomy import ct
from xaigt.anatomy.cards import TemplateCard, TemplateError
from xaigt.anatomy.geometry import Array, Lattice
from xaigt.anatomy.intake import Volume, bounding_lattice, resample
from xaigt.anatomy.mni152 import HEAD_BOX
from xaigt.anatomy.standard import IN_STANDARD_SPACE, Pose, fit_pose, read_standard
from xaigt.anatomy.supplied import BRAIN_ML, background, brain_alone, same_place, tissue_map

POSE_ERROR_MM = 7.0  # a surface further than this from every brain's, on average, is no brain
SKULL_MARGIN_MM = 3.0  # between brain and inner table
LEAK_MM = 6.0  # beyond the average brain, when a pose is found the second time

NEEDS_BRAIN = (
    "shows a head, not a brain alone, and comes with no brain mask. Supply a mask of the brain on the same grid "
    "(xaigt templates add FILE --brain MASK), or a skull-stripped volume, or tissue maps (--grey, --white)."
)


def head_lattice() -> Lattice:
    """Return the lattice of 1 mm, in the head frame, on which every template is understood."""
    shape = [int(high - low) + 1 for low, high in HEAD_BOX]
    low = [float(low) for low, _ in HEAD_BOX]
    return Lattice((shape[0], shape[1], shape[2]), (low[0], low[1], low[2]))


def find_pose(card: TemplateCard, volume: Volume) -> tuple[Pose, bool]:
    """Where the brain lies, and whether the image shows a brain alone.

    Raises
    ------
    TemplateError
        If no brain can be found without more being supplied, or what was found has not the size or form of one.
    """
    lattice = bounding_lattice(volume, 2.0)
    coarse = resample(volume, lattice, outside=background(volume))
    alone = brain_alone(volume)
    stripped = alone is not None
    if card.modality == "CT":
        ct.check_hounsfield(volume.data, alone, str(volume.path))
    if card.standard_space:
        return IN_STANDARD_SPACE, stripped
    if card.has("brain"):
        brain = resample(same_place(card, "brain", volume), lattice) > 0.5
    elif card.has("grey") and card.has("white"):
        total = resample(tissue_map(card, "grey", volume), lattice) + resample(
            tissue_map(card, "white", volume), lattice
        )
        brain = total > 0.5
    elif alone is not None:
        brain = resample(replace(volume, data=alone.astype(np.float32)), lattice) > 0.5
    elif card.modality == "CT":
        brain = ct.intracranial(coarse, lattice, str(volume.path))
    else:
        raise TemplateError(f"{volume.path}: {NEEDS_BRAIN}")
    brain = np.asarray(ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(brain, 4), iterations=3)))[
        4:-4, 4:-4, 4:-4
    ]
    in_skull = card.modality == "CT" and not stripped and not card.has("brain")
    margin = SKULL_MARGIN_MM if in_skull else 0.0
    if in_skull:  # the space found in a head may leak at the base: what is no brain by its place is cut off
        brain = np.asarray(brain & (_beside(lattice, fit_pose(brain, lattice, margin)) > -LEAK_MM))
    volume_ml = float(brain.sum()) * lattice.spacing**3 / 1000
    if not BRAIN_ML[0] <= volume_ml <= BRAIN_ML[1]:
        raise TemplateError(
            f"{volume.path}: what looks like the brain has {volume_ml:.0f} mL, which no brain has. Supply a mask of "
            "the brain (xaigt templates add FILE --brain MASK)."
        )
    pose = fit_pose(brain, lattice, margin)
    if pose.error_mm > POSE_ERROR_MM:
        raise TemplateError(
            f"{volume.path}: what looks like the brain does not have the shape of one (its surface is "
            f"{pose.error_mm:.1f} mm from the average brain's). It {NEEDS_BRAIN}"
        )
    return pose, stripped


def _beside(lattice: Lattice, pose: Pose) -> Array:
    """Signed distance to the posed average brain, on a lattice of the file's coordinates."""
    home = head_lattice().coarse(4)
    volume = Volume(
        read_standard("brain", home, pose.scale).transpose(2, 1, 0),
        pose.to_file @ _lattice_affine(home),
        Path(),
    )
    return resample(volume, lattice, outside=-100.0)


def _lattice_affine(lattice: Lattice) -> npt.NDArray[np.float64]:
    """4 x 4, from indices (x, y, z) of a lattice to RAS mm."""
    affine = np.diag([lattice.spacing, lattice.spacing, lattice.spacing, 1.0])
    affine[:3, 3] = lattice.origin[::-1]
    return affine
