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
        inside = _inside_skull(image, lattice, pose, str(volume.path))
        depth = ndimage.gaussian_filter(signed_distance(inside, lattice.spacing), 1.0).astype(np.float32)
        return np.asarray(depth > 1.5), depth, True
    if card.has("brain"):
        mask = resample(same_place(card, "brain", volume), lattice, pose.to_file) > 0.5
    elif card.has("grey") and card.has("white"):
        total = sum(resample(tissue_map(card, role, volume), lattice, pose.to_file) for role in ("grey", "white"))
        mask = np.asarray(total > 0.3)
    elif card.has("t1"):  # the mask of the MNI152 average, for averages in its space
        mask = read_standard("brain", lattice, pose.scale) > 0
    elif stripped:
        found = brain_alone(volume)
        assert found is not None
        mask = resample(replace(volume, data=found.astype(np.float32)), lattice, pose.to_file) > 0.5
    else:
        raise TemplateError(f"{volume.path}: {NEEDS_BRAIN}")
    brain = filled_brain(mask.astype(np.float32), 0.5, closing=4)
    depth = inner_table_depth(TissueMaps(lattice, image, image, brain))
    return brain, depth, False


def _inside_skull(hu: Array, lattice: Lattice, pose: Pose, name: str) -> Mask:
    """Inside of the skull, kept from leaking through thin bone and foramina of the base by the average brain."""
    z, _, _ = lattice.axes()
    room = np.where(z < BASE_MM, np.float32(BASE_ROOM_MM), np.float32(MOST_ROOM_MM))
    near = read_standard("brain", lattice, pose.scale) > -room
    kept = ndimage.binary_opening(ct.intracranial(hu, lattice, name) & near, iterations=3)
    labels, _ = ndimage.label(kept)
    return np.asarray(ndimage.binary_fill_holes(labels == 1 + int(np.bincount(labels.ravel())[1:].argmax())), bool)


def joined(card: TemplateCard, image: Array, brain: Mask, lattice: Lattice, pose: Pose) -> tuple[Array, Array, bool]:
    """Put a finer brain into a coarser head: mixed linearly over 2 mm on either side of the brain's border."""
    head = read_volume(card.file("head"))
    head = replace(head, data=cormack_to_hu(head.data) if card.values == "cormack" else head.data)
    around = resample(head, lattice, pose.to_file, outside=background(head))
    inside = _inside_skull(around, lattice, pose, str(head.path))
    depth = ndimage.gaussian_filter(signed_distance(inside, lattice.spacing), 1.0).astype(np.float32)
    share = soft(signed_distance(brain, lattice.spacing) - np.float32(JOIN_MM), JOIN_MM)
    return np.asarray(share * image + (1 - share) * around, np.float32), depth, True
