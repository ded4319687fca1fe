"""Where intraparenchymal lesions arise, in MNI space.

Centres and spreads are approximate positions of the structures in the MNI152 average (RAS mm), written here as
(z, y, x). Frequencies belong to recipes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaigt.errors import XaigtError, nearest
from xaigt.lesions.base import World
from xaigt.lobes import NUMBER
from xaigt.randomness import either_side

_TRIES, _AT_ONCE = 200, 20  # candidates, and how many are looked at together: mostly one of them fits


@dataclass(frozen=True)
class Site:
    """A structure: its right-sided centre, its spread (SD), and the largest volume it can take."""

    centre: tuple[float, float, float]
    spread: tuple[float, float, float]
    paired: bool
    largest_ml: float


SITES = {
    "basal-ganglia": Site((2, 0, 26), (5, 9, 4), True, 120),
    "thalamus": Site((8, -18, 13), (3, 4, 3), True, 30),
    "cerebellum": Site((-37, -62, 22), (6, 7, 9), True, 35),
    "pons": Site((-32, -26, 0), (4, 2.5, 3), False, 8),
}
LOBAR = "lobar"
LOBES = ("frontal", "parietal", "temporal", "occipital")
# Lobar: white matter at this depth below the inner table, above the tentorium, outside the deep nuclei.
_LOBAR_DEPTH = (14.0, 32.0)
_LOBAR_BOX = ((-12, 68), (-96, 66), (-62, 62))
# Of one lobe, as far as it reaches: the box only spares tries, the border is that of xaigt.lobes.
_BOXES = {
    "frontal": ((-20, 68), (-30, 66), (-62, 62)),
    "parietal": ((10, 68), (-80, -5), (-62, 62)),
    "temporal": ((-34, 20), (-58, 16), (-66, 66)),
    "occipital": ((-18, 42), (-98, -55), (-50, 50)),
}
_DEEP_BOX = ((-20, 30), (-42, 36), (-34, 34))
_LOBAR_LARGEST_ML = 120.0


def largest_ml(site: str) -> float:
    """Largest volume (mL) that a site takes."""
    return _LOBAR_LARGEST_ML if site in (LOBAR, *LOBES) else _known(site).largest_ml


def draw_position(rng: np.random.Generator, site: str, world: World, margin_mm: float) -> tuple[float, float, float]:
    """Draw a point of template space (z, y, x in mm) at a site, inside the parenchyma.

    Parameters
    ----------
    rng
        The stream of places.
    site
        A name of :data:`SITES`, ``lobar`` (white matter of any lobe), or one of :data:`LOBES`.
    world
        The subject's anatomy.
    margin_mm
        Wanted distance to the border of the parenchyma; the deepest candidate is taken where none has it.
    """
    candidates = _lobar(rng, world, site) if site in (LOBAR, *LOBES) else _around(rng, _known(site))
    inside = np.empty(len(candidates), np.float32)
    for first in range(0, len(candidates), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        inside[some] = world.probe(candidates[some], "parenchyma")
        if len(fits := np.flatnonzero(inside[some] >= margin_mm)):
            chosen = first + int(fits[0])
            break
    else:
        chosen = int(inside.argmax())
    z, y, x = candidates[chosen].tolist()
    return round(z, 4), round(y, 4), round(x, 4)


def _known(site: str) -> Site:
    if site not in SITES:
        raise XaigtError(f"unknown site {site!r}: {nearest(site, [*SITES, LOBAR, *LOBES])}.")
    return SITES[site]


def _around(rng: np.random.Generator, site: Site) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    side = either_side(rng) if site.paired else 1.0
    points = np.asarray(site.centre) + np.clip(rng.normal(size=(_TRIES, 3)), -2, 2) * np.asarray(site.spread)
    points[:, 2] *= side
    return np.asarray(points)


def _lobar(rng: np.random.Generator, world: World, site: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    low, high = np.asarray(_BOXES.get(site, _LOBAR_BOX), float).T
    points = rng.uniform(low, high, size=(_TRIES, 3))
    white, depth = world.probe(points, "white"), world.probe(points, "depth")
    deep = np.all([(points[:, i] > a) & (points[:, i] < b) for i, (a, b) in enumerate(_DEEP_BOX)], axis=0)
    if site in LOBES:
        deep |= world.probe(points, "lobe") != NUMBER[site]
    good = (white > 0.6) & (depth > _LOBAR_DEPTH[0]) & (depth < _LOBAR_DEPTH[1]) & ~deep
    return points[good] if good.any() else points[~deep] if not deep.all() else points
