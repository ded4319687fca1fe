"""The bony and soft parts of a head in Hounsfield units, drawn around a brain in MNI space.

No tissue map of the MNI152 average tells where the skull is, so it is constructed: the calvarium as shells
around the convex hull of the brain, the base around its closing, both with the thicknesses of adult heads.
Positions of air cells and orbits are approximate MNI positions. It is a drawing for the surroundings of the
brain, in which no lesion lies, and the template card says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from xaigt.anatomy.geometry import (
    Array,
    band_noise,
    closed_distance,
    convex_distance,
    ellipsoid,
    in_slabs,
    ramp,
    soft,
    surface_points,
    together,
)
from xaigt.anatomy.tissue import TissueMaps

# Hounsfield units: the project's table of adult CT numbers (skull tables 1000, diploe 800, fat -120 with
# the partial volume of septa -95, muscle 50, air -1000); skin and vitreous body are typical textbook values.
TABLE_HU, DIPLOE_HU, AIR_HU = 1000.0, 800.0, -1000.0
FAT_HU, MUSCLE_HU, SKIN_HU, VITREOUS_HU = -95.0, 50.0, 45.0, 12.0

SUBARACHNOID_MM = 2.5  # from the brain's hull to the inner table
SCALP_AND_SKULL_MM = 14.5  # from the brain's hull to the skin, on average
TABLE_MM = 1.6

# (z, y, x), radii (z, y, x), in mm: sphenoid, ethmoid, frontal and maxillary air, roughly.
_SINUSES = (
    ((-40, 28, 8), (10, 13, 8)),
    ((-40, 28, -8), (9, 12, 8)),
    ((-38, 55, 9), (14, 20, 7)),
    ((-38, 55, -9), (14, 20, 7)),
    ((-4, 79, 9), (12, 4, 11)),
    ((-6, 79, -10), (10, 4, 10)),
    ((-66, 60, 28), (16, 16, 15)),
    ((-66, 60, -28), (16, 16, 15)),
)
# (z, y, x): points the skin passes near, so that the hull of the head is not that of the brain alone.
_FACE = (
    (-45, 84, 0), (-72, 82, 18), (-72, 82, -18), (-60, 60, 48), (-60, 60, -48), (-72, -20, 62),
    (-72, -20, -62), (-72, -75, 40), (-72, -75, -40), (-72, -88, 0), (-30, 80, 25), (-30, 80, -25),
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """Everything of a head that is not brain, on the lattice of the tissue maps.

    `depth` is the signed distance to the inner table in mm (positive inside); `bone` and `soft_hu` are
    Hounsfield units weighted by the fraction of the voxel they fill.
    """

    depth: Array
    bone: Array
    soft_hu: Array


def draw_head(maps: TissueMaps) -> Head:
    """Construct skull, scalp, orbits and air around a brain in MNI space."""
    lattice = maps.lattice
    z, y, x = lattice.axes()
    depth, outline, fine, broad = together(
        lambda: inner_table_depth(maps),
        lambda: _skin_distance(maps),
        lambda: band_noise(lattice, 4.0, seed=1),
        lambda: band_noise(lattice, 12.0, seed=2),
    )
    bone, soft_hu = np.empty_like(depth), np.empty_like(depth)

    def draw(part: slice) -> None:
        bone[part], soft_hu[part] = _tissues((z[part], y, x), depth[part], outline[part], fine[part], broad[part])

    in_slabs(draw, len(depth))
    return Head(depth, bone, soft_hu)


def _tissues(
    axes: tuple[Array, Array, Array], depth: Array, outline: Array, fine: Array, broad: Array
) -> tuple[Array, Array]:
    """Bone and soft tissue of a slab: two distances and two textures say what each of its voxels is."""
    z, y, _ = axes
    inside, head = soft(depth), soft(outline)
    outside_mm = -depth
    thickness = _skull_thickness(axes, broad)
    calvarium = soft(outside_mm) * soft(thickness - outside_mm) * soft(outline - 2.5)
    tables = calvarium * np.clip(soft(TABLE_MM - outside_mm) + soft(outside_mm - thickness + TABLE_MM), 0, 1)

    # The base: spongy bone with air cells below a plane that rises towards the forehead.
    base = 1 - ramp(-38, -12, z - 0.12 * y)
    below = soft(outside_mm - thickness) * base * soft(outline - 7)
    beyond = outside_mm - thickness
    sponge = below * soft(14 - beyond, 4) * soft(fine + 0.35, 0.5)
    cells = below * soft(16 - beyond, 3) * soft(fine - 1.1, 0.3)
    petrous = _pair(axes, (-38, -28, 46), (20, 20, 24)) * (1 - inside)
    mastoid = _pair(axes, (-40, -32, 52), (18, 16, 14)) * soft(fine, 0.35) * (1 - inside) * soft(outside_mm - 2)

    bone = np.maximum(
        tables * TABLE_HU + (calvarium - tables) * DIPLOE_HU,
        (800 + 120 * fine) * np.clip(sponge + petrous, 0, 1),
    )
    hard = np.clip(calvarium + sponge + petrous, 0, 1)
    scalp = np.clip(head - inside - hard, 0, 1)
    soft_hu = scalp * _scalp_hu(axes, outline, base, broad) + (1 - head) * AIR_HU

    orbit = _pair(axes, (-36, 62, 32), (19, 24, 19)) * (1 - inside)
    globe = _pair(axes, (-36, 71, 32), (12, 12, 12))
    bone *= 1 - orbit
    soft_hu = soft_hu * (1 - orbit) + orbit * (globe * VITREOUS_HU + (1 - globe) * FAT_HU)

    sinuses = np.zeros_like(depth)
    for centre, radii in _SINUSES:
        np.maximum(sinuses, soft(ellipsoid(axes, centre, radii)), out=sinuses)
    air = np.maximum(np.maximum(sinuses * (1 - inside) * soft(outline - 5), mastoid), cells) * head
    return bone * (1 - air), soft_hu * (1 - air) + air * AIR_HU


def inner_table_depth(maps: TissueMaps) -> Array:
    """Signed distance to the inner table in mm: the brain's convex hull above, its closing at the base.

    A closing alone follows the gyri of the convexity; a hull alone would swallow the skull base. The hull is
    smoothed by 8 mm: its facets would show as flat stretches of skull.
    """
    lattice = maps.lattice
    z, _, _ = lattice.axes()
    hull, closing = together(
        lambda: ndimage.gaussian_filter(convex_distance(surface_points(maps.brain, lattice), lattice), 8.0),
        lambda: ndimage.gaussian_filter(closed_distance(maps.brain, 14.0, lattice), 2.0),
    )
    upper = ramp(-45, -8, z)
    blended = upper * hull + (1 - upper) * closing
    return np.asarray(blended + np.float32(SUBARACHNOID_MM), np.float32)


def _skin_distance(maps: TissueMaps) -> Array:
    points = np.vstack([surface_points(maps.brain, maps.lattice), np.array(_FACE, np.float64)])
    hull = convex_distance(points, maps.lattice)
    return np.asarray(ndimage.gaussian_filter(hull, 8.0) + np.float32(SCALP_AND_SKULL_MM), np.float32)


def _skull_thickness(axes: tuple[Array, Array, Array], broad: Array) -> Array:
    """Thickness in mm: thicker at the occipital protuberance and forehead, thin at the temple."""
    z, y, x = axes
    protuberance = 2.0 * np.exp(-(((y + 105) / 18) ** 2) - (x / 25) ** 2 - ((z + 5) / 18) ** 2)
    temple = 2.0 * np.exp(-(((np.abs(x) - 70) / 14) ** 2) - ((z + 12) / 22) ** 2)
    return np.clip(6.0 + 0.8 * broad + protuberance + 1.5 * ramp(55, 75, y) - temple, 3.5, 11)


def _scalp_hu(axes: tuple[Array, Array, Array], outline: Array, base: Array, broad: Array) -> Array:
    """Skin over fat, and muscle at the temples and under the base."""
    z, y, x = axes
    temporal = np.exp(-(((np.abs(x) - 68) / 14) ** 2)) * ramp(40, -5, z) * ramp(-70, -45, y) * ramp(70, 45, y)
    muscle = np.clip(temporal + 0.9 * base, 0, 1) * soft(broad + 1.2, 0.8)
    skin = soft(2.2 - outline)
    return skin * SKIN_HU + (1 - skin) * (muscle * MUSCLE_HU + (1 - muscle) * FAT_HU)


def _pair(
    axes: tuple[Array, Array, Array], centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> Array:
    """Soft ellipsoid on both sides of the midline."""
    z, y, x = centre
    return np.maximum(soft(ellipsoid(axes, (z, y, x), radii)), soft(ellipsoid(axes, (z, y, -x), radii)))
