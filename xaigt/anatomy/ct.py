"""The inside of the skull in a head CT, by Hounsfield units and morphology."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from xaigt.anatomy.geometry import Array, Lattice, Mask, refine, signed_distance
from xaigt.anatomy.sources import TemplateError

BONE_HU = 150.0
# An average of many heads has a blurred skull: bone reaches inwards to where it no longer outshines the brain.
BLURRED_BONE_HU = 90.0
SOFT_HU = (-30.0, 110.0)
HEAD_HU = -300.0
NECK_MM = 6.0  # passages narrower than twice this do not belong to the inside of the skull
CLOSING_MM = 8.0
BRAIN_ML = (500.0, 2500.0)
AIR_HU = -500.0
BRAIN_HU = (15.0, 60.0)


@dataclass(frozen=True)
class Stripped:
    """Whether an image shows a brain without a head, and that brain."""

    stripped: bool
    brain: Mask


def background_mask(image: Array) -> Stripped:
    """Tell a skull-stripped image from one of a whole head.

    The background of a stripped image is exactly one value (0, or that of air), and what is left has the volume of
    a brain; voxels of `image` are assumed to be cubes of 1 mm or given on a lattice by the caller.
    """
    low = image.min()
    value = np.float32(0.0) if np.mean(image == 0) > np.mean(image == low) else low
    exact = np.abs(image - value) < 1e-3
    labels, count = ndimage.label(~exact)
    if count == 0:
        return Stripped(False, np.zeros(image.shape, bool))
    sizes = np.bincount(labels.ravel())[1:]
    mask = ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()))
    return Stripped(bool(exact.mean() > 0.2), np.asarray(mask, bool))


def check_hounsfield(image: Array, brain: Mask | None, name: str) -> None:
    """Refuse a CT whose numbers cannot be Hounsfield units.

    Parameters
    ----------
    image
        The CT.
    brain
        Its brain, if it is skull-stripped.
    name
        File, for the message.

    Raises
    ------
    TemplateError
        Saying what the numbers look like instead, where that can be told.
    """
    low, high = float(image.min()), float(image.max())
    if brain is None:
        if low > AIR_HU:
            inside = image[image > low + 0.3 * (high - low)]
            middle = float(np.median(inside)) if inside.size else high
            hint = ""
            if low >= 0 and 900 < float(np.percentile(image, 75)) < 1200:
                hint = "; it looks as if 1024 was added: subtract it"
            elif low >= 0 and high > 2500:
                hint = "; it may be in Cormack units: give --values cormack"
            raise TemplateError(
                f"{name}: is not in Hounsfield units: its values run from {low:g} to {high:g} (median {middle:.4g}), "
                f"but the air around a head is -1000{hint}."
            )
        return
    middle = float(np.median(image[brain]))
    if not BRAIN_HU[0] <= middle <= BRAIN_HU[1]:
        raise TemplateError(
            f"{name}: is not in Hounsfield units: the median of the brain is {middle:.4g}, not "
            f"{BRAIN_HU[0]:g} to {BRAIN_HU[1]:g}."
        )


def intracranial(hu: Array, lattice: Lattice, name: str, bone_hu: float = BONE_HU) -> Mask:
    """Mask of everything inside the skull, on the lattice of the image.

    Soft tissue is cut where it is narrower than 12 mm (foramina, orbits); of the pieces the one that bone surrounds
    best is grown back to the bone, closed and filled. Bone is what is denser than `bone_hu`.

    Raises
    ------
    TemplateError
        If there is no such piece of the size of a brain.
    """
    step = max(1, round(2.0 / lattice.spacing))
    coarse = ndimage.gaussian_filter(hu, 0.5 * step / 1.2)[::step, ::step, ::step]
    spacing = lattice.spacing * step
    bone = coarse > bone_hu
    soft = (coarse > SOFT_HU[0]) & (coarse < min(SOFT_HU[1], bone_hu))
    core = ndimage.distance_transform_edt(soft, sampling=spacing) > NECK_MM
    labels, count = ndimage.label(core)
    piece = _enclosed(labels, count, bone, spacing)
    if piece is None:
        raise TemplateError(
            f"{name}: no brain-sized space enclosed by bone was found; is it a head CT in Hounsfield units? "
            "If it is skull-stripped, its background must have one value; else supply a brain mask (--brain FILE)."
        )
    # Back to where it was cut from, along soft tissue: what lies behind bone is not reached.
    passable = (coarse < bone_hu) & (coarse > -200)
    steps = int(np.ceil((NECK_MM + spacing) / spacing))
    inside = ndimage.binary_dilation(piece, iterations=steps, mask=passable)
    margin = int(np.ceil(CLOSING_MM / spacing)) + 1
    padded = np.pad(inside, margin)
    dilated = ndimage.distance_transform_edt(~padded, sampling=spacing) <= CLOSING_MM
    closed = ndimage.distance_transform_edt(dilated, sampling=spacing) > CLOSING_MM
    closed = closed[margin:-margin, margin:-margin, margin:-margin] & ~bone | inside
    filled = ndimage.binary_fill_holes(closed)
    fine = refine(np.pad(signed_distance(filled, spacing), [(0, 1)] * 3, mode="edge"), lattice.shape, step)
    return np.asarray((fine > -spacing) & (hu < bone_hu) & (hu > -200) & (fine > -0.75 * spacing) | (fine > 3), bool)


def _enclosed(labels: npt.NDArray[np.int32], count: int, bone: Mask, spacing: float) -> Mask | None:
    """Return the piece of a brain's size that has most bone around it."""
    best, score = None, 0.0
    near = ndimage.distance_transform_edt(~bone, sampling=spacing) < NECK_MM + 2.5 * spacing
    for number in range(1, count + 1):
        piece = labels == number
        volume = float(piece.sum()) * spacing**3 / 1000
        if not 0.4 * BRAIN_ML[0] <= volume <= BRAIN_ML[1]:
            continue
        rim = piece & ~ndimage.binary_erosion(piece)
        share = float(near[rim].mean())
        if share > score:
            best, score = piece, share
    return best if score > 0.4 else None
