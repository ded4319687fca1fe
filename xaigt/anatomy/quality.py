"""How well fields are made out of an image: against real tissue maps, and against a labelled head.

Dice of masks (fractions above one half), and the mean distance of surfaces in mm (average symmetric surface distance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from xaigt.anatomy.cards import TemplateCard
from xaigt.anatomy.geometry import Array, Mask
from xaigt.anatomy.image import Understood, understand


@dataclass(frozen=True)
class Agreement:
    """One row of the table: a structure, its Dice, the distance of its surfaces in mm, both volumes in mL."""

    structure: str
    dice: float
    distance_mm: float
    found_ml: float
    true_ml: float


def compare(found: Mask, truth: Mask, structure: str, spacing: float = 1.0) -> Agreement:
    """Compare two masks on one lattice of cubic voxels of `spacing` mm."""
    both = int(np.count_nonzero(found)) + int(np.count_nonzero(truth))
    overlap = 2 * int(np.count_nonzero(found & truth)) / both if both else 1.0
    voxel_ml = spacing**3 / 1000
    return Agreement(
        structure,
        round(overlap, 3),
        round(_distance(found, truth, spacing), 2),
        round(float(np.count_nonzero(found)) * voxel_ml, 1),
        round(float(np.count_nonzero(truth)) * voxel_ml, 1),
    )


def against_own_maps(card: TemplateCard) -> list[Agreement]:
    """Estimate the tissue of a template without its maps, and compare with what its maps say.

    Parameters
    ----------
    card
        A template that has grey- and white-matter maps, such as ``scct``.
    """
    truth = understand(card)
    bare = card.model_copy(
        update={"sources": [source for source in card.sources if source.role not in ("grey", "white", "csf")]}
    )
    return [compare(a, b, name) for name, a, b in _pairs(understand(bare), truth)]


def _pairs(found: Understood, truth: Understood) -> list[tuple[str, Mask, Mask]]:
    def solid(head: Understood) -> Array:
        return head.grey + head.white

    return [
        ("grey matter", found.grey > 0.5, truth.grey > 0.5),
        ("white matter", found.white > 0.5, truth.white > 0.5),
        ("brain (grey or white)", solid(found) > 0.5, solid(truth) > 0.5),
        ("fluid", found.csf > 0.5, truth.csf > 0.5),
        ("ventricles", found.ventricles > 0, truth.ventricles > 0),
    ]


def _distance(a: Mask, b: Mask, spacing: float) -> float:
    if not a.any() or not b.any():
        return float("nan")
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    to_b = ndimage.distance_transform_edt(~surfaces[1], sampling=spacing)[surfaces[0]]
    to_a = ndimage.distance_transform_edt(~surfaces[0], sampling=spacing)[surfaces[1]]
    return float((to_b.sum() + to_a.sum()) / (to_b.size + to_a.size))


