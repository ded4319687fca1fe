"""Vessels that are dense by their blood or their walls: they look like a thrombus or a little hemorrhage."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import field_validator

from xaigt.distributions import Choice, Number, Uniform, draw
from xaigt.lesions.base import LesionRecipe, Streams, World
from xaigt.lesions.sheets import tentorium_height
from xaigt.lesions.strands import Point, Strands, StrandsFamily, chain, measured
from xaigt.randomness import either_side

# Paths (z, y, x; mm of template space, right side): approximate positions in the MNI152 average.
PATHS: dict[str, tuple[Point, ...]] = {
    "basilar": ((-38.0, -15.0, 1.5), (-32.0, -13.0, 0.5), (-25.0, -12.0, 0.0), (-18.0, -14.0, 0.0)),
    "middle-cerebral": ((-15.0, 2.0, 8.0), (-13.5, 4.0, 17.0), (-12.0, 4.5, 26.0), (-7.0, 3.0, 35.0)),
}
SINUSES = ("sagittal-sinus", "straight-sinus", "transverse-sinus")
SITES = (*PATHS, *SINUSES)
SINUS_MM = 3.0  # from the inner table to a sinus's middle
_ARTERY_MM, _SINUS_MM = 1.0, 1.9  # factors of the drawn radius: sinuses are wider


class DenseVesselRecipe(LesionRecipe):
    """What a recipe says of dense vessels; sizes and densities: general radiology [unverified]."""

    family: Literal["dense-vessel"] = "dense-vessel"
    sites: Choice = Choice(
        choice={
            "basilar": 0.25,
            "middle-cerebral": 0.25,
            "sagittal-sinus": 0.2,
            "straight-sinus": 0.1,
            "transverse-sinus": 0.2,
        }
    )
    radius_mm: Number = Uniform(uniform=(1.4, 2.2))
    hu: Number = Uniform(uniform=(48.0, 75.0))

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: Choice) -> Choice:
        return sites.among(SITES)


class DenseVessel(Strands):
    """One drawn vessel."""

    family: Literal["dense-vessel"] = "dense-vessel"
    site: str


class DenseVesselFamily(StrandsFamily):
    """See the module."""

    name = "dense-vessel"
    recipe = DenseVesselRecipe
    lesion = DenseVessel
    compartments = ("cisterns", "extra-axial")

    def draw(self, streams: Streams, recipe: DenseVesselRecipe, world: World) -> DenseVessel:
        place = streams("place")
        site = recipe.sites.draw(place)
        side, start = either_side(place), float(place.uniform())
        sinus = site in SINUSES
        path = _sinus(site, start, world) if sinus else PATHS[site]
        radius = round(draw(streams("size"), recipe.radius_mm) * (_SINUS_MM if sinus else _ARTERY_MM), 4)
        tubes = chain([(z, y, x * side) for z, y, x in path], radius, world)
        return DenseVessel(site=site, hu=draw(streams("contrast"), recipe.hu), inner_mm=1.0, **measured(tubes))


def _sinus(site: str, start: float, world: World) -> list[Point]:
    """Path of a sinus of the dura, found where the inner table is; `start` shifts the piece of it that is dense."""
    if site == "straight-sinus":
        y = np.linspace(-50, -84, 4)
        return [(float(z), float(b), 0.0) for z, b in zip(_tent(y, 0 * y), y, strict=True)]
    if site == "sagittal-sinus":
        angle = np.radians(np.linspace(0, 40, 5) + 30 + 80 * start)  # from the forehead over the vertex backwards
        directions = np.stack([np.sin(angle), np.cos(angle), 0 * angle], -1)
        return _under_inner_table(np.array([10.0, -20.0, 0.0]), directions, world)
    angle = np.radians(np.linspace(0, 45, 5) + 100 + 25 * start)
    length = np.arange(40.0, 95.0)
    y, x = -25 - length * np.sin(angle)[:, None], -length * np.cos(angle)[:, None]
    points = np.stack([_tent(y, x), y, np.abs(x)], -1)
    return _nearest_depth(points, world)


def _tent(
    y: np.ndarray[tuple[int, ...], np.dtype[np.float64]], x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(tentorium_height(torch.from_numpy(y), torch.from_numpy(x)).numpy())


def _under_inner_table(
    origin: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    directions: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    world: World,
) -> list[Point]:
    return _nearest_depth(origin + np.arange(35.0, 100.0)[:, None] * directions[:, None, :], world)


def _nearest_depth(rays: np.ndarray[tuple[int, ...], np.dtype[np.float64]], world: World) -> list[Point]:
    """Of each ray ``[n, k, 3]`` the point that lies nearest to the depth of a sinus."""
    best = np.abs(world.probe(rays, "depth") - SINUS_MM).argmin(1)
    return [(float(ray[i, 0]), float(ray[i, 1]), float(ray[i, 2])) for ray, i in zip(rays, best.tolist(), strict=True)]


FAMILY = DenseVesselFamily()
