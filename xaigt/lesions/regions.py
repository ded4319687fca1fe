"""Where lesions of white matter and deep nuclei arise: boxes of MNI space, cut by what the template is made of.

Boxes are approximate positions in the MNI152 average (RAS mm), written (z, y, x) for the right side. A place is
drawn in scanner space, so that it can be drawn in the slice of a 2-D sample where that is known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xaigt.distributions import Choice
from xaigt.lesions.base import World
from xaigt.lesions.sites import SITES
from xaigt.randomness import either_side

Range = tuple[float, float]
_CANDIDATES = 600
_TRIES = 12  # sites drawn again where the slice does not meet them
_MARGIN_MM = 10.0  # a tilted head reaches beyond the box of its corners
_SPREADS = 1.6  # SDs of a site that its box covers
IN_SLICE = 0.25  # of the radius: how far from the middle of a slice a lesion's centre lies at most


@dataclass(frozen=True)
class Region:
    """Part of the brain.

    Parameters
    ----------
    box
        (low, high) along z, y, x of template space; x of the right side, mirrored for the left.
    paired
        Whether there is one on both sides.
    white
        Least share of white matter.
    wall_mm
        Distance outside the ventricles' walls.
    depth_mm
        Distance under the inner table.
    """

    box: tuple[Range, Range, Range]
    paired: bool = True
    white: float = 0.0
    wall_mm: Range = (0.0, 99.0)
    depth_mm: Range = (3.0, 99.0)


def _of_site(name: str) -> Region:
    site = SITES[name]
    z, y, x = ((c - _SPREADS * s, c + _SPREADS * s) for c, s in zip(site.centre, site.spread, strict=True))
    return Region((z, y, x), site.paired)


REGIONS = {
    "frontal-cap": Region(((0, 20), (18, 42), (8, 24)), white=0.5),
    "occipital-cap": Region(((0, 18), (-72, -46), (16, 38)), white=0.5),
    "body-wall": Region(((14, 34), (-42, 22), (6, 34)), white=0.5),
    "deep-white": Region(((14, 46), (-62, 46), (12, 46)), white=0.75, wall_mm=(7, 99), depth_mm=(16, 60)),
    "juxtacortical": Region(((-8, 62), (-80, 58), (12, 60)), white=0.5, wall_mm=(12, 99), depth_mm=(8, 16)),
    "lobar": Region(((-12, 62), (-90, 62), (8, 60)), white=0.5, wall_mm=(8, 99), depth_mm=(9, 32)),
    "temporal": Region(((-32, -8), (-28, 10), (28, 58)), white=0.5, depth_mm=(8, 32)),
    "pineal": Region(((-2, 6), (-30, -24), (-2, 2)), paired=False),
    "choroid": Region(((4, 14), (-48, -36), (18, 28)), wall_mm=(-9, 1)),
    **{name: _of_site(name) for name in SITES},
}


def draw_place(
    rng: np.random.Generator, sites: Choice, world: World, radius: float, walls: dict[str, Range]
) -> tuple[str, tuple[float, float, float]] | None:
    """Draw a site by its weight, and a point there.

    Parameters
    ----------
    rng
        The stream of places.
    sites
        Names of :data:`REGIONS` with weights; a site that the slice does not meet is drawn again.
    world
        The subject's anatomy.
    radius
        Of the lesion in mm: as far as that allows it lies inside the parenchyma, and its middle in the slice.
    walls
        Distances from the ventricles' walls that replace those of some regions.

    Returns
    -------
    tuple of str and tuple of float, or None
        Site and (z, y, x) in mm of scanner space; None if nothing was found.
    """
    for _ in range(_TRIES):
        site = sites.draw(rng)
        region = REGIONS[site]
        if site in walls:
            region = replace(region, wall_mm=walls[site])
        if (found := _point(rng, region, world, radius)) is not None:
            return site, found
    return None


def _point(rng: np.random.Generator, region: Region, world: World, radius: float) -> tuple[float, float, float] | None:
    side = either_side(rng) if region.paired else 1.0
    low, high = np.asarray(region.box, float).T
    ends = np.array([world.to_scanner((z, y, side * x)) for z, y, x in (low, high)])
    first, last = ends.min(0) - _MARGIN_MM, ends.max(0) + _MARGIN_MM
    points = rng.uniform(first, last, size=(_CANDIDATES, 3))
    if world.grid is not None and world.grid.shape[0] == 1:
        middle = world.grid.centre[2]
        points[:, 0] = middle + rng.uniform(-1, 1, _CANDIDATES) * IN_SLICE * radius
    at = world.locate(points)
    mirrored = at * np.array([1.0, 1.0, side])
    places = np.flatnonzero(np.all((mirrored >= low) & (mirrored <= high), axis=1))
    # Each field is read where those before it leave a place.
    for name, (least, most) in _limits(region).items():
        found = world.probe(at[places], name)
        places = places[(found >= least) & (found <= most)]
    if places.size == 0:
        return None
    inside = world.probe(at[places], "parenchyma")
    if region.wall_mm[0] >= 0:
        places, inside = places[inside > 0], inside[inside > 0]
        if places.size == 0:
            return None
    roomy = places[inside >= min(0.5 * radius, 6.0)]
    z, y, x = points[roomy[0] if roomy.size else places[inside.argmax()]]
    return round(float(z), 4), round(float(y), 4), round(float(x), 4)


def _limits(region: Region) -> dict[str, Range]:
    """Least and largest value of some fields in a region."""
    nearest, farthest = region.wall_mm
    return {"ventricles": (-farthest, -nearest), "depth": region.depth_mm, "white": (region.white, np.inf)}
