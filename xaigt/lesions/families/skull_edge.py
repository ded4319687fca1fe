"""Partial volume of the skull: a bright film under the inner table where bone slopes through the slice.

It looks like a thin extra-axial hemorrhage: over the orbital roof, the floor of the middle fossa and the vertex.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from pydantic import field_validator

from xaigt.compiled.cores import film_cores
from xaigt.distributions import DIGITS, Choice, Number, Uniform, draw
from xaigt.lesions.base import Corner, Family, Footprint, Lesion, LesionRecipe, Streams, World
from xaigt.lesions.noise import noise_at
from xaigt.randomness import either_side, normal_three, subseed
from xaigt.sampling import flat, flat_values

# Directions (z, y, x; right side) from a point in the middle of the head, and how far they spread.
SITES = {
    "orbital-roof": ((-0.45, 0.85, 0.35), 0.12),
    "middle-fossa": ((-0.55, 0.25, 0.75), 0.15),
    "vertex": ((0.9, -0.1, 0.35), 0.25),
    "convexity": ((0.25, 0.0, 1.0), 0.4),
}
MIDDLE = (5.0, -18.0, 0.0)
NOISE_MM = 12.0  # scale of the noise that its thickness follows
_FAR = np.arange(25.0, 115.0)  # where the inner table is looked for, mm from the middle


class SkullEdgeRecipe(LesionRecipe):
    """What a recipe says of partial volume of the skull; sizes and densities: choices of this project."""

    family: Literal["skull-edge"] = "skull-edge"
    sites: Choice = Choice(choice={"orbital-roof": 0.25, "middle-fossa": 0.25, "vertex": 0.1, "convexity": 0.4})
    thickness_mm: Number = Uniform(uniform=(2.5, 6.0))
    length_mm: Number = Uniform(uniform=(15.0, 45.0))
    hu: Number = Uniform(uniform=(50.0, 95.0))

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: Choice) -> Choice:
        return sites.among(SITES)


class SkullEdge(Lesion):
    """One drawn film: what of a ball about the centre lies within `thickness_mm` of the inner table."""

    family: Literal["skull-edge"] = "skull-edge"
    site: str
    thickness_mm: float
    hu: float
    noise_seed: int


class SkullEdgeFamily(Family):
    """See the module."""

    name = "skull-edge"
    recipe = SkullEdgeRecipe
    lesion = SkullEdge
    compartments = ("extra-axial",)
    plain = True
    smallest_mm3 = 0.0

    def draw(self, streams: Streams, recipe: SkullEdgeRecipe, world: World) -> SkullEdge:
        place, size = streams("place"), streams("size")
        site = recipe.sites.draw(place)
        direction, spread = SITES[site]
        z, y, x = (d + part * spread for d, part in zip(direction, normal_three(place), strict=True))
        x *= either_side(place)
        length = math.hypot(z, y, x)
        z, y, x = world.to_scanner(_on_inner_table((z / length, y / length, x / length), world))
        radius, thickness = draw(size, recipe.length_mm) / 2, draw(size, recipe.thickness_mm)
        return SkullEdge(
            centre_mm=(round(z, DIGITS), round(y, DIGITS), round(x, DIGITS)),
            radius_mm=round(radius, DIGITS),
            volume_mm3=round(0.5 * np.pi * radius**2 * thickness, DIGITS),  # its thickness tapers to nothing
            z_range_mm=(round(z - 0.7 * radius, DIGITS), round(z + 0.7 * radius, DIGITS)),
            site=site,
            thickness_mm=thickness,
            hu=draw(streams("contrast"), recipe.hu),
            noise_seed=subseed(streams("shape")),
        )

    def reach(self, lesion: SkullEdge) -> float:
        return lesion.radius_mm + 1.0

    def footprint(self, lesion: SkullEdge, world: World, points: torch.Tensor, softness: float) -> Footprint:
        depth = world(points, "depth")
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, NOISE_MM)
        core = _core(lesion, points, depth, noise, softness)
        return Footprint(core, torch.full_like(core, lesion.hu), torch.zeros_like(core), 0.0)


def _core(
    lesion: SkullEdge, points: torch.Tensor, depth: torch.Tensor, noise: torch.Tensor, softness: float
) -> torch.Tensor:
    """Share (0..1) of the surroundings of points that the film fills."""
    if points.device.type != "cpu":
        return core_on_device(lesion, points, depth, noise, softness)
    core = np.empty(depth.shape, np.float32)
    film_cores(
        flat(points), flat_values(depth), flat_values(noise), lesion.centre_mm, lesion.radius_mm,
        lesion.thickness_mm, softness, core.reshape(-1),
    )  # fmt: skip
    return torch.from_numpy(core)


def core_on_device(
    lesion: SkullEdge, points: torch.Tensor, depth: torch.Tensor, noise: torch.Tensor, softness: float
) -> torch.Tensor:
    """Do what :func:`xaigt.compiled.cores.film_cores` does, for any device."""
    offset = torch.stack([points[..., i] - lesion.centre_mm[i] for i in range(3)], -1)
    taper = 1 - (offset.norm(dim=-1) / lesion.radius_mm) ** 2
    outside = depth - lesion.thickness_mm * torch.clamp(taper, min=-1) * (1 + 0.3 * torch.clamp(noise, -2, 2))
    return torch.clamp(0.5 - torch.maximum(outside, -depth) / softness, 0, 1)


def _on_inner_table(direction: Corner, world: World) -> Corner:
    """Point of template space where the inner table lies along a unit direction from the middle of the head."""
    points = np.asarray(MIDDLE) + _FAR[:, None] * np.array(direction)
    depth = world.probe(points, "depth")
    crossed = int((depth <= 0).argmax())
    z, y, x = points[crossed if depth[crossed] <= 0 else int(np.abs(depth).argmin())].tolist()
    return z, y, x


FAMILY = SkullEdgeFamily()
