"""A dense falx: thickened or calcified dura in the midline, which looks like blood along it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch

from xaigt.compiled.sheets import falx_cores
from xaigt.distributions import DIGITS, Number, Uniform, draw
from xaigt.lesions.base import Family, Footprint, Lesion, LesionRecipe, Streams, World
from xaigt.lesions.sheets import TENT, border, draw_centre
from xaigt.sampling import flat, flat_values


class DenseFalxRecipe(LesionRecipe):
    """What a recipe says of a dense falx; sizes and densities: general radiology [unverified]."""

    family: Literal["dense-falx"] = "dense-falx"
    half_mm: Number = Uniform(uniform=(0.9, 1.7))
    length_mm: Number = Uniform(uniform=(20.0, 60.0))
    hu: Number = Uniform(uniform=(55.0, 130.0))


class DenseFalx(Lesion):
    """One drawn piece of dense falx: a disc of the midsagittal plane of template space that thins to its edge."""

    family: Literal["dense-falx"] = "dense-falx"
    middle: tuple[float, float, float]
    half_mm: float
    hu: float


class DenseFalxFamily(Family):
    """See the module."""

    name = "dense-falx"
    recipe = DenseFalxRecipe
    lesion = DenseFalx
    compartments = ("extra-axial",)
    plain = True
    smallest_mm3 = 0.0

    def draw(self, streams: Streams, recipe: DenseFalxRecipe, world: World) -> DenseFalx:
        size = streams("size")
        radius, half = draw(size, recipe.length_mm) / 2, draw(size, recipe.half_mm)
        z, y, _ = draw_centre(streams("place"), "falx", 1, world)
        centre = world.to_scanner((z, y, 0.0))
        return DenseFalx(
            centre_mm=(round(centre[0], DIGITS), round(centre[1], DIGITS), round(centre[2], DIGITS)),
            radius_mm=round(radius, DIGITS),
            volume_mm3=round(4 / 3 * half * math.pi * radius**2, DIGITS),
            z_range_mm=(round(centre[0] - radius, DIGITS), round(centre[0] + radius, DIGITS)),
            middle=(z, y, 0.0),
            half_mm=half,
            hu=draw(streams("contrast"), recipe.hu),
        )

    def reach(self, lesion: DenseFalx) -> float:
        return 1.15 * lesion.radius_mm + 2.0  # template space is at most that much smaller

    def footprint(self, lesion: DenseFalx, world: World, points: torch.Tensor, softness: float) -> Footprint:
        at = world.to_template(points)
        depth = world.at_template(at, "depth")
        core = _core(lesion, at, depth, softness)
        return Footprint(core, torch.full_like(core, lesion.hu), torch.zeros_like(core), 0.0)


def _core(lesion: DenseFalx, at: torch.Tensor, depth: torch.Tensor, softness: float) -> torch.Tensor:
    """Share (0..1) of the surroundings of points that the falx fills."""
    if at.device.type != "cpu":
        return core_on_device(lesion, at, depth, softness)
    core = np.empty(depth.shape, np.float32)
    falx_cores(
        flat(at), flat_values(depth), TENT, lesion.middle, lesion.radius_mm, lesion.half_mm, softness, core.reshape(-1)
    )
    return torch.from_numpy(core)


def core_on_device(lesion: DenseFalx, at: torch.Tensor, depth: torch.Tensor, softness: float) -> torch.Tensor:
    """Do what :func:`xaigt.compiled.sheets.falx_cores` does, for any device."""
    along = torch.sqrt((at[..., 0] - lesion.middle[0]) ** 2 + (at[..., 1] - lesion.middle[1]) ** 2)
    outside = torch.maximum(border("falx", 1, at, depth), 0.5 - depth)
    half = lesion.half_mm * torch.sqrt(torch.clamp(1 - (along / lesion.radius_mm) ** 2, min=0))
    outside = torch.maximum(torch.maximum(outside, along - lesion.radius_mm), at[..., 2].abs() - half)
    return torch.clamp(0.5 - outside / softness, 0, 1)


FAMILY = DenseFalxFamily()
