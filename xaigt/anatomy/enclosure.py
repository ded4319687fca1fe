"""The brain of an image and the inner table around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from xaigt.anatomy import ct
from xaigt.anatomy.cards import TemplateCard, TemplateError
from xaigt.anatomy.geometry import Array, Lattice, Mask, signed_distance, soft
from xaigt.anatomy.intake import Volume, cormack_to_hu, read_volume, resample
from xaigt.anatomy.placing import NEEDS_BRAIN
from xaigt.anatomy.skull import inner_table_depth
from xaigt.anatomy.standard import Pose, read_standard
from xaigt.anatomy.supplied import background, brain_alone, same_place, tissue_map
from xaigt.anatomy.tissue import TissueMaps, filled_brain

JOIN_MM = 2.0  # half the width over which two joined images are mixed
MOST_ROOM_MM = 9.0  # between the average brain, scaled to this head, and the inner table
BASE_MM, BASE_ROOM_MM = -10.0, 4.0  # the same below this height, where bone is thin and full of holes


def find_brain(
    card: TemplateCard, volume: Volume, image: Array, lattice: Lattice, pose: Pose, stripped: bool
) -> tuple[Mask, Array, bool]:
    """Brain mask (filled), signed distance to the inner table, and whether a skull is seen."""
    if card.modality == "CT" and not stripped and not card.has("head"):
        inside = _inside_skull(card, image, lattice, pose, str(volume.path))
        depth = ndimage.gaussian_filter(signed_distance(inside, lattice.spacing), 1.0).astype(np.float32)
        return np.asarray(depth > 1.5), depth, True
    brain = filled_brain(_mask(card, volume, lattice, pose, stripped).astype(np.float32), 0.5, closing=4)
    depth = inner_table_depth(TissueMaps(lattice, image, image, brain))
    return brain, depth, False


def _mask(card: TemplateCard, volume: Volume, lattice: Lattice, pose: Pose, stripped: bool) -> Mask:
    """Brain mask as the card supplies it, or as the image shows it."""
    if card.has("brain"):
        return np.asarray(resample(same_place(card, "brain", volume), lattice, pose.to_file) > 0.5)
    if card.has("grey") and card.has("white"):
        total = sum(resample(tissue_map(card, role, volume), lattice, pose.to_file) for role in ("grey", "white"))
        return np.asarray(total > 0.3)
    if card.has("t1"):  # the mask of the MNI152 average, for averages in its space
        return read_standard("brain", lattice, pose.scale) > 0
    if not stripped:
        raise TemplateError(f"{volume.path}: {NEEDS_BRAIN}")
    found = brain_alone(volume)
    assert found is not None
    return np.asarray(resample(replace(volume, data=found.astype(np.float32)), lattice, pose.to_file) > 0.5)


def _inside_skull(card: TemplateCard, hu: Array, lattice: Lattice, pose: Pose, name: str) -> Mask:
    """Inside of the skull, kept from leaking through thin bone and foramina of the base by the average brain."""
    z, _, _ = lattice.axes()
    bone_hu = ct.BLURRED_BONE_HU if card.kind == "average" else ct.BONE_HU
    room = np.where(z < BASE_MM, np.float32(BASE_ROOM_MM), np.float32(MOST_ROOM_MM))
    near = read_standard("brain", lattice, pose.scale) > -room
    kept = ndimage.binary_opening(ct.intracranial(hu, lattice, name, bone_hu) & near, iterations=3)
    labels, _ = ndimage.label(kept)
    return np.asarray(ndimage.binary_fill_holes(labels == 1 + int(np.bincount(labels.ravel())[1:].argmax())), bool)


def joined(
    card: TemplateCard, volume: Volume, image: Array, lattice: Lattice, pose: Pose, stripped: bool
) -> tuple[Array, Array, bool]:
    """Put a finer brain into a coarser head: mixed linearly over the outermost 4 mm of what the brain's image shows."""
    head = read_volume(card.file("head"))
    head = replace(head, data=cormack_to_hu(head.data) if card.values == "cormack" else head.data)
    around = resample(head, lattice, pose.to_file, outside=background(head))
    inside = _inside_skull(card, around, lattice, pose, str(head.path))
    depth = ndimage.gaussian_filter(signed_distance(inside, lattice.spacing), 1.0).astype(np.float32)
    shown = _mask(card, volume, lattice, pose, stripped)  # not filled: sulci that were stripped off hold nothing
    share = soft(signed_distance(shown, lattice.spacing) - np.float32(JOIN_MM), JOIN_MM)
    return np.asarray(share * image + (1 - share) * around, np.float32), depth, True
