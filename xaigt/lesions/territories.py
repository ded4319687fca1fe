"""Vascular territories of the cerebral arteries as half-spaces of MNI space. Schematic: not taken from an atlas.

Borders differ between people by centimetres; these planes only keep an infarct from crossing what no single artery
supplies [unverified]; some of the brain is in none. Positions are (z, y, |x|) in mm: both sides are mirror images.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

Point = tuple[float, float, float]
HalfSpace = tuple[Point, float]


@dataclass(frozen=True)
class Territory:
    """Half-spaces ``a . q <= b`` (a of unit length), and where the wedges of its infarcts point.

    `tip` is a point of the deep white matter near the ventricle; `targets` are opposite corners of a box on the
    cortex, both of the right side.
    """

    planes: tuple[HalfSpace, ...]
    tip: Point
    targets: tuple[Point, Point]


# Lateral surface, insula, lateral temporal lobe: MCA. Medial frontal and parietal strip: ACA. Occipital lobe: PCA.
_MCA_ACA = ((0.0, 0.0, -1.0), -20.0)
_ACA_MCA = ((0.0, 0.0, 1.0), 20.0)
_FRONT = ((0.0, -0.857, -0.515), 33.4)
_BACK = ((0.0, 0.857, 0.515), -33.4)

TERRITORIES = {
    "MCA": Territory((_MCA_ACA, _FRONT, ((-1.0, 0.0, 0.0), 34.0)), (22, -8, 25), ((-2, -46, 66), (46, 36, 60))),
    "ACA": Territory((_ACA_MCA, _FRONT, ((-1.0, 0.0, 0.0), 12.0)), (30, 18, 15), ((20, -6, 6), (56, 70, 10))),
    "PCA": Territory(
        (_BACK, ((1.0, 0.0, 0.0), 36.0), ((-1.0, 0.0, 0.0), 10.0)), (10, -56, 24), ((-4, -104, 8), (24, -98, 30))
    ),
}


def outside(territory: str, side: float, at: torch.Tensor) -> torch.Tensor:
    """Distance (mm; negative inside) of points ``[..., 3]`` of template space to a territory of one side (-1, 1)."""
    result = -side * at[..., 2]  # the other hemisphere
    for (z, y, x), offset in TERRITORIES[territory].planes:
        along = (z * at[..., 0] + y * at[..., 1]) + (x * side) * at[..., 2]
        result = torch.maximum(result, along - offset)
    return result
