"""Build the fields of the embedded templates from the MNI152 tissue maps that nilearn carries."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from xaigt.anatomy.cards import TemplateCard
from xaigt.anatomy.compartments import parenchyma_distance, ventricle_mask
from xaigt.anatomy.dura import dura
from xaigt.anatomy.fields import CHANNELS, FieldArrays
from xaigt.anatomy.geometry import Array, Lattice, signed_distance, soft, together
from xaigt.anatomy.skull import draw_head
from xaigt.anatomy.tissue import TissueMaps, filled_brain
from xaigt.volume import read_nifti

DURA_HU = 50.0
# What of the 1 mm grid a head fills: (z, y, x) in mm, first and last.
HEAD_BOX = ((-72, 102), (-124, 92), (-92, 92))
HEAD_CENTRE = (0.0, -18.0, 18.0)  # RAS: where a grid of 224 mm is centred
_PUSH_FALLOFF_MM = 12.0


def build(card: TemplateCard) -> FieldArrays:
    """Compute every field of ``mni152-ct``: a few seconds, done once and cached."""
    maps = _read(card)
    head = draw_head(maps)
    inside = soft(head.depth)
    sheets = dura(maps, head.depth)
    grey, white = maps.grey * inside * (1 - sheets), maps.white * inside * (1 - sheets)
    csf = np.clip(inside * (1 - sheets) - grey - white, 0, 1)
    ventricles = ventricle_mask(maps, csf)
    to_ventricles, to_parenchyma = together(
        lambda: signed_distance(ventricles, maps.lattice.spacing), lambda: parenchyma_distance(maps, ventricles)
    )
    channels = {
        "grey": grey,
        "white": white,
        "csf": csf,
        "bone": head.bone,
        "soft": head.soft_hu + DURA_HU * sheets * inside,
        "depth": head.depth,
        "parenchyma": to_parenchyma,
        "ventricles": to_ventricles,
    }
    crop = tuple(
        slice(round(low - origin), round(high - origin) + 1)
        for (low, high), origin in zip(HEAD_BOX, maps.lattice.origin, strict=True)
    )
    data = np.stack([channels[name][crop] for name in CHANNELS])
    origin = tuple(float(low) for low, _ in HEAD_BOX)
    lattice = Lattice((data.shape[1], data.shape[2], data.shape[3]), (origin[0], origin[1], origin[2]))
    return FieldArrays(data, lattice, ventricle_push(to_ventricles[crop]), HEAD_CENTRE)


def _read(card: TemplateCard) -> TissueMaps:
    t1, affine = read_nifti(card.file("t1"))
    grey, _ = read_nifti(card.file("grey"))
    white, _ = read_nifti(card.file("white"))
    origin = (float(affine[2, 3]), float(affine[1, 3]), float(affine[0, 3]))
    lattice = Lattice((t1.shape[0], t1.shape[1], t1.shape[2]), origin)
    return TissueMaps(lattice, grey / np.float32(255), white / np.float32(255), filled_brain(t1 / np.float32(255)))


def ventricle_push(to_ventricles: Array) -> Array:
    """Unit displacement [3, z, y, x] towards the ventricles, fading away from their walls.

    Reading the template that much further in makes the ventricles that much wider.
    """
    smooth = ndimage.gaussian_filter(to_ventricles, 2.0)
    gradient = np.stack(np.gradient(smooth)).astype(np.float32)
    return gradient * np.exp(-((np.minimum(to_ventricles, 0) / _PUSH_FALLOFF_MM) ** 2))
