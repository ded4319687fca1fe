"""Fields of any template that has an image: a real head CT, a skull-stripped or masked MR, a user's own scan.

The image itself is kept. It is split into ``grey * G + white * W + csf * C + bone + soft``, where G, W and C are
the values of the tissues in this image and `soft` holds what is left over (texture, vessels, everything outside).
Read back with G, W and C it is the image, voxel for voxel; read with other values its contrast changes and its
texture stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from xaigt.anatomy import ct, mixture
from xaigt.anatomy.cards import TemplateCard, TemplateError
from xaigt.anatomy.compartments import parenchyma_distance
from xaigt.anatomy.fields import CHANNELS, FieldArrays
from xaigt.anatomy.geometry import Array, Lattice, Mask, signed_distance, soft
from xaigt.anatomy.intake import Volume, bounding_lattice, cormack_to_hu, read_volume, resample
from xaigt.anatomy.mni152 import HEAD_BOX, HEAD_CENTRE, ventricle_push
from xaigt.anatomy.skull import inner_table_depth
from xaigt.anatomy.standard import IN_STANDARD_SPACE, Pose, fit_pose, read_standard
from xaigt.anatomy.tissue import TissueMaps, filled_brain

WHITE_MR = 1000.0  # MR is scaled so that white matter has this value
POSE_ERROR_MM = 7.0  # a surface further than this from every brain's, on average, is no brain
BRAIN_ML = (600.0, 2600.0)
BLURRED_HU, RIM_MM = 55.0, 2.0
LEAST_FLUID_VOXELS = 500
DEEP_MM = 6.0  # from the inner table: beyond the reach of its blur
SKULL_MARGIN_MM = 3.0  # between brain and inner table
LEAK_MM = 6.0  # beyond the average brain, when a pose is found the second time
JOIN_MM = 2.0  # half the width over which two joined images are mixed
MOST_ROOM_MM = 9.0  # between the average brain, scaled to this head, and the inner table
BASE_MM, BASE_ROOM_MM = -10.0, 4.0  # the same below this height, where bone is thin and full of holes
NEAR_VENTRICLES_MM = 10.0  # how far enlarged ventricles may reach beyond those of the average

NEEDS_BRAIN = (
    "shows a head, not a brain alone, and comes with no brain mask. Supply a mask of the brain on the same grid "
    "(xaigt templates add FILE --brain MASK), or a skull-stripped volume, or tissue maps (--grey, --white)."
)


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
        data, found.lattice, ventricle_push(found.ventricles), HEAD_CENTRE, levels=found.levels, to_file=matrix
    )


def understand(card: TemplateCard) -> Understood:
    """Find brain, inner table, tissues and ventricles in the image of a template.

    Raises
    ------
    TemplateError
        If the file is refused (see :mod:`xaigt.anatomy.intake`), or no brain can be found in it without more
        being supplied; the message says what.
    """
    volume = _image(card)
    pose, stripped = _pose(card, volume)
    lattice = _head_lattice()
    background = _background(volume)
    image = resample(volume, lattice, pose.to_file, outside=background)
    brain, depth, skull = _brain(card, volume, image, lattice, pose, stripped)
    if card.has("head"):
        image, depth, skull = _joined(card, image, brain, lattice, pose)
    tissue = _tissues(card, volume, image, brain, depth, lattice, pose)
    maps = TissueMaps(lattice, tissue["grey"], tissue["white"], brain)
    inside = ventricles_of(maps, tissue["csf"], pose)
    image, levels = _scaled(card, image, depth, tissue, inside)
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


def _head_lattice() -> Lattice:
    shape = [int(high - low) + 1 for low, high in HEAD_BOX]
    low = [float(low) for low, _ in HEAD_BOX]
    return Lattice((shape[0], shape[1], shape[2]), (low[0], low[1], low[2]))


def _image(card: TemplateCard) -> Volume:
    volume = read_volume(card.file("image"))
    if card.values == "cormack" and not card.has("head"):
        return replace(volume, data=cormack_to_hu(volume.data))
    return volume


def _background(volume: Volume) -> float:
    """Value of the voxels at the border of the file: what lies beyond it, too."""
    data = volume.data
    faces = [data[0], data[-1], data[:, 0], data[:, -1], data[:, :, -1]]
    return float(np.median(np.concatenate([face.ravel() for face in faces])))


def _pose(card: TemplateCard, volume: Volume) -> tuple[Pose, bool]:
    """Where the brain lies, and whether the image shows a brain alone."""
    lattice = bounding_lattice(volume, 2.0)
    coarse = resample(volume, lattice, outside=_background(volume))
    alone = _alone(volume)
    stripped = alone is not None
    if card.modality == "CT":
        ct.check_hounsfield(volume.data, alone, str(volume.path))
    if card.standard_space:
        return IN_STANDARD_SPACE, stripped
    if card.has("brain"):
        brain = resample(_same_place(card, "brain", volume), lattice) > 0.5
    elif card.has("grey") and card.has("white"):
        total = resample(_map(card, "grey", volume), lattice) + resample(_map(card, "white", volume), lattice)
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
    home = _head_lattice().coarse(4)
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


def _alone(volume: Volume) -> Mask | None:
    """Mask of the brain, if the image is skull-stripped: one exact background, and a brain's volume in front of it."""
    found = ct.background_mask(volume.data)
    voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
    if not found.stripped or not BRAIN_ML[0] <= float(found.brain.sum()) * voxel_ml <= BRAIN_ML[1]:
        return None
    return found.brain


def _same_place(card: TemplateCard, role: str, image: Volume) -> Volume:
    """Read a mask or map, which must overlap the image in space."""
    other = read_volume(card.file(role))
    centre = image.affine @ [*(np.array(image.data.shape) / 2), 1]
    index = np.linalg.inv(other.affine) @ centre
    if (index[:3] < 0).any() or (index[:3] > other.data.shape).any():
        raise TemplateError(f"{other.path}: does not lie where {image.path} lies; both must share one space.")
    return other


def _map(card: TemplateCard, role: str, image: Volume) -> Volume:
    """Read a tissue map, scaled to 0..1 (maps of 0..100 and 0..255 are common)."""
    volume = _same_place(card, role, image)
    high = float(volume.data.max())
    full = 1.0 if high <= 1.05 else 100.0 if high <= 100.5 else 255.0
    if volume.data.min() < -0.01 * full or (high > 1.001 * full and full != 1.0):
        raise TemplateError(f"{volume.path}: a tissue map holds fractions (0..1, 0..100 or 0..255), not {high:g}.")
    return replace(volume, data=np.clip(volume.data / np.float32(full), 0, 1))


def _brain(
    card: TemplateCard, volume: Volume, image: Array, lattice: Lattice, pose: Pose, stripped: bool
) -> tuple[Mask, Array, bool]:
    """Brain mask (filled), signed distance to the inner table, and whether a skull is seen."""
    if card.modality == "CT" and not stripped and not card.has("head"):
        inside = _inside_skull(image, lattice, pose, str(volume.path))
        depth = ndimage.gaussian_filter(signed_distance(inside, lattice.spacing), 1.0).astype(np.float32)
        return np.asarray(depth > 1.5), depth, True
    if card.has("brain"):
        mask = resample(_same_place(card, "brain", volume), lattice, pose.to_file) > 0.5
    elif card.has("grey") and card.has("white"):
        total = sum(resample(_map(card, role, volume), lattice, pose.to_file) for role in ("grey", "white"))
        mask = np.asarray(total > 0.3)
    elif card.has("t1"):  # the mask of the MNI152 average, for averages in its space
        mask = read_standard("brain", lattice, pose.scale) > 0
    elif stripped:
        found = _alone(volume)
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


def _joined(card: TemplateCard, image: Array, brain: Mask, lattice: Lattice, pose: Pose) -> tuple[Array, Array, bool]:
    """Put a finer brain into a coarser head: mixed linearly over 2 mm on either side of the brain's border."""
    head = read_volume(card.file("head"))
    head = replace(head, data=cormack_to_hu(head.data) if card.values == "cormack" else head.data)
    around = resample(head, lattice, pose.to_file, outside=_background(head))
    inside = _inside_skull(around, lattice, pose, str(head.path))
    depth = ndimage.gaussian_filter(signed_distance(inside, lattice.spacing), 1.0).astype(np.float32)
    share = soft(signed_distance(brain, lattice.spacing) - np.float32(JOIN_MM), JOIN_MM)
    return np.asarray(share * image + (1 - share) * around, np.float32), depth, True


def _tissues(
    card: TemplateCard, volume: Volume, image: Array, brain: Mask, depth: Array, lattice: Lattice, pose: Pose
) -> dict[str, Array]:
    """Fractions of grey matter, white matter and fluid, which fill the inside of the skull."""
    inside = soft(depth)
    if card.has("grey") and card.has("white"):
        grey, white = (resample(_map(card, role, volume), lattice, pose.to_file) for role in ("grey", "white"))
        total = np.maximum(grey + white, 1)
        grey, white = grey / total * inside, white / total * inside
    else:
        priors = tuple(read_standard(name, lattice, pose.scale) for name in mixture.CLASSES)
        in_skull = card.modality == "CT" and card.skull
        # Bone blurs into what lies under it: learn away from it, and take the rim for the fluid that is there.
        clean = brain & (depth > DEEP_MM) & (image < BLURRED_HU) if in_skull else None
        tissues = mixture.estimate(image, brain, (priors[0], priors[1], priors[2]), clean)
        share = inside * (np.clip((depth - 1) / RIM_MM, 0, 1) if in_skull else 1)
        grey, white = tissues.grey * share, tissues.white * share
    return {"grey": grey, "white": white, "csf": np.clip(inside - grey - white, 0, 1)}


def _scaled(
    card: TemplateCard, image: Array, depth: Array, tissue: dict[str, Array], ventricles: Mask
) -> tuple[Array, tuple[float, float, float]]:
    """Return the image in stored units (MR: white matter = 1000), and the values of grey, white and fluid in it.

    Values are means over the voxels that are surest, away from the blur of the skull; of fluid, where there is
    enough of it, the median inside the ventricles.
    """
    deep = depth > DEEP_MM
    values = image[deep].astype(np.float64)
    found = []
    for name in ("grey", "white", "csf"):
        sure = tissue[name][deep].astype(np.float64) ** 6
        found.append(float((sure * values).sum() / max(sure.sum(), 1e-9)))
    middle = ndimage.binary_erosion(ventricles, iterations=2)
    if middle.sum() >= LEAST_FLUID_VOXELS:
        found[2] = float(np.median(image[middle]))
    gain = 1.0
    if card.modality != "CT":
        if found[1] <= 0:
            raise TemplateError(
                f"{card.file('image')}: white matter has the value {found[1]:.4g}; it must be above 0. "
                f"Is this {card.modality}?"
            )
        gain = WHITE_MR / found[1]
    levels = (round(found[0] * gain, 4), round(found[1] * gain, 4), round(found[2] * gain, 4))
    return image * np.float32(gain), levels


def ventricles_of(maps: TissueMaps, csf: Array, pose: Pose) -> Mask:
    """Mask of the ventricles: fluid that is connected to where the average brain has them, at most 10 mm beyond."""
    prior = read_standard("ventricles", maps.lattice, pose.scale)
    fluid = ndimage.gaussian_filter(csf, 0.5) > 0.5
    allowed = fluid & (prior > -NEAR_VENTRICLES_MM) & maps.brain
    opened = ndimage.binary_opening(allowed, iterations=1) | (allowed & (prior > -1))
    labels, _ = ndimage.label(opened)
    seeds = np.unique(labels[(prior > 0.5) & opened])
    chosen = np.isin(labels, seeds[seeds > 0])
    return np.asarray(chosen | (fluid & (prior > 1)), bool)
