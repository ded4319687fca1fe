"""Fields of any template that has an image: a real head CT, a skull-stripped or masked MR, a user's own scan.

The image itself is kept. It is split into ``grey * G + white * W + csf * C + bone + soft``, where G, W and C are
the values of the tissues in this image and `soft` holds what is left over (texture, vessels, everything outside).
Read back with G, W and C it is the image, voxel for voxel; read with other values its contrast changes and its
texture stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaigt.anatomy import ct
from xaigt.anatomy.cards import TemplateCard
from xaigt.anatomy.compartments import parenchyma_distance
from xaigt.anatomy.contents import find_tissues, scaled, ventricles_of
from xaigt.anatomy.enclosure import find_brain, joined
from xaigt.anatomy.fields import CHANNELS, FieldArrays
from xaigt.anatomy.geometry import Array, Lattice, Mask, signed_distance
from xaigt.anatomy.intake import resample
from xaigt.anatomy.mni152 import HEAD_CENTRE, ventricle_push
from xaigt.anatomy.placing import find_pose, head_lattice
from xaigt.anatomy.standard import Pose
from xaigt.anatomy.supplied import background, read_image
from xaigt.anatomy.tissue import TissueMaps


@dataclass(frozen=True)
class Understood:
    """What was made out in a template, on one lattice of the head frame.

    `image` is in stored units; `levels` are its values of grey matter, white matter and fluid; `depth`,
    `parenchyma` and `ventricles` are signed distances in mm, positive inside.
    """

    lattice: Lattice
    pose: Pose
    image: Array
    brain: Mask
    grey: Array
    white: Array
    csf: Array
    depth: Array
    parenchyma: Array
    ventricles: Array
    levels: tuple[float, float, float]
    skull: bool
    estimated: bool


def build(card: TemplateCard) -> FieldArrays:
    """Compute every field of a template from its image."""
    found = understand(card)
    bone = np.where((found.image > ct.BONE_HU) & (found.depth < 1), found.image, 0) if card.modality == "CT" else None
    hard = np.zeros_like(found.image) if bone is None else bone.astype(np.float32)
    grey, white, fluid = (np.float32(level) for level in found.levels)
    remainder = found.image - hard - grey * found.grey - white * found.white - fluid * found.csf
    channels = {
        "grey": found.grey,
        "white": found.white,
        "csf": found.csf,
        "bone": hard,
        "soft": remainder,
        "depth": found.depth,
        "parenchyma": found.parenchyma,
        "ventricles": found.ventricles,
    }
    data = np.stack([channels[name] for name in CHANNELS])
    matrix = tuple(tuple(float(value) for value in row) for row in found.pose.to_file)
    return FieldArrays(
        data, found.lattice, ventricle_push(found.ventricles), HEAD_CENTRE, levels=found.levels, to_file=matrix,
        scale=tuple(round(value, 4) for value in found.pose.scale),  # type: ignore[arg-type]
    )  # fmt: skip


def understand(card: TemplateCard) -> Understood:
    """Find brain, inner table, tissues and ventricles in the image of a template.

    Raises
    ------
    TemplateError
        If the file is refused (see :mod:`xaigt.anatomy.intake`), or no brain can be found in it without more
        being supplied; the message says what.
    """
    volume = read_image(card)
    pose, stripped = find_pose(card, volume)
    lattice = head_lattice()
    beyond = background(volume)
    image = resample(volume, lattice, pose.to_file, outside=beyond)
    brain, depth, skull = find_brain(card, volume, image, lattice, pose, stripped)
    if card.has("head"):
        image, depth, skull = joined(card, volume, image, lattice, pose, stripped)
    tissue = find_tissues(card, volume, image, brain, depth, lattice, pose)
    maps = TissueMaps(lattice, tissue["grey"], tissue["white"], brain)
    inside = ventricles_of(maps, tissue["csf"], pose)
    image, levels = scaled(card, image, depth, tissue, inside)
    return Understood(
        lattice,
        pose,
        image,
        brain,
        tissue["grey"],
        tissue["white"],
        tissue["csf"],
        depth,
        parenchyma_distance(maps, inside),
        signed_distance(inside, lattice.spacing),
        levels,
        skull,
        estimated=not card.has("grey"),
    )
