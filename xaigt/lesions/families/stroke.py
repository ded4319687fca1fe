"""Ischaemic stroke: a wedge in the territory of one artery, its tip towards the deep white matter."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, field_validator

from xaigt.distributions import DIGITS, Choice, Number, Quantiles, Uniform, draw
from xaigt.lesions.base import Family, Footprint, Lesion, LesionRecipe, Streams, World
from xaigt.lesions.blobs import sphere_radius
from xaigt.lesions.focal import share_of_tissue, texture_noise
from xaigt.lesions.noise import noise_at, noise_on, spread
from xaigt.lesions.signal import Signal, draw_value, white_value
from xaigt.lesions.territories import TERRITORIES, outside
from xaigt.lesions.weighted import Index, box_axes, fill, points_of, z_range
from xaigt.randomness import subseed

LENGTH = 2.4  # of the wedge, in cube roots of its volume: with it the wedge is about as wide as long
SHORTEST_MM, LONGEST_MM = 14.0, 62.0
BLUNT_MM = 5.0  # how far behind the drawn tip the flanks would meet
WIDEST = 1.1  # tangent of the largest half-angle
STEP_MM = 2.2
SHARE = 0.5  # of a wedge that lies where it may, roughly
NOISE_MM = 13.0  # size of the irregularities of the flanks
NOISE_LIMIT = 1.5
FLUID_FREE, FLUID_FULL = 0.4, 0.9  # share of fluid: infarcts leave sulci
_JITTER = (5.0, 8.0, 2.0)  # SD of the tip (z, y, x; mm)

Vector = tuple[float, float, float]


class StrokeRecipe(LesionRecipe):
    """What a recipe says of ischaemic stroke; sources: generators/stroke.yaml."""

    family: Literal["stroke"] = "stroke"
    territories: Choice = Choice(choice={"MCA": 0.7, "ACA": 0.1, "PCA": 0.2})
    volume_ml: Number = Quantiles(quantiles={0.0: 3.0, 0.5: 25.0, 1.0: 120.0}, log=True)
    height: Number = Uniform(uniform=(1.0, 1.8))
    roughness: Number = Uniform(uniform=(0.1, 0.22))
    signal: Signal = Field(
        default={
            "T2w": Uniform(uniform=(1.5, 2.1)),
            "FLAIR": Uniform(uniform=(1.4, 1.8)),
            "DWI": Uniform(uniform=(1.5, 2.5)),
            "ADC": Uniform(uniform=(0.5, 0.7)),
            "CT": Uniform(uniform=(18.0, 24.0)),
        }
    )
    texture: Number = Uniform(uniform=(0.05, 0.12))
    edge_mm: Number = Uniform(uniform=(0.8, 2.0))

    @field_validator("territories")
    @classmethod
    def _known(cls, territories: Choice) -> Choice:
        return territories.among(TERRITORIES, "territory")


class Stroke(Lesion):
    """One drawn infarct: a cone from `tip_mm` along `axis`, `height` times as high as wide, `slope` wide a mm."""

    family: Literal["stroke"] = "stroke"
    territory: str
    side: Literal[-1, 1]
    tip_mm: Vector
    axis: Vector
    height: float
    slope: float
    reach_mm: float
    roughness: float
    noise_seed: int
    value: float
    texture: float
    texture_seed: int
    edge_mm: float


class StrokeFamily(Family):
    """See the module. The territories are schematic: see :mod:`xaigt.lesions.territories`."""

    name = "stroke"
    recipe = StrokeRecipe
    lesion = Stroke
    compartments = ("parenchyma",)

    def draw(self, streams: Streams, recipe: StrokeRecipe, world: World) -> Stroke:
        form, contrast = streams("shape"), streams("contrast")
        wanted = 1000 * draw(streams("size"), recipe.volume_ml)
        territory, side, tip, axis, length = self._place(streams("place"), recipe, wanted, world)
        value = draw_value(contrast, recipe.signal, world, self.name)
        lesion = Stroke(
            centre_mm=_rounded(np.asarray(tip) + 0.6 * length * np.asarray(axis)),
            radius_mm=sphere_radius(wanted),
            volume_mm3=0.0,
            z_range_mm=(0.0, 0.0),
            territory=territory,
            side=side,
            tip_mm=tip,
            axis=axis,
            height=draw(form, recipe.height),
            slope=0.0,
            reach_mm=0.0,
            roughness=draw(form, recipe.roughness),
            noise_seed=subseed(form),
            value=value,
            texture=round(draw(contrast, recipe.texture) * abs(value - white_value(world)), DIGITS),
            texture_seed=subseed(contrast),
            edge_mm=draw(contrast, recipe.edge_mm),
        )
        half = 0.5 * length + 1.3 * lesion.radius_mm + 6.0
        z, y, x = lesion.centre_mm
        axes, cell = box_axes((z - half, y - half, x - half), (z + half, y + half, x + half), STEP_MM)
        slope = _slope(lesion, spread(axes), noise_on(lesion.noise_seed, axes, lesion.centre_mm, NOISE_MM))
        within = np.flatnonzero((slope <= WIDEST).numpy())

        def allowed(index: Index) -> npt.NDArray[np.bool_]:
            points = torch.from_numpy(points_of(axes, within[index]).astype(np.float32)).to(world.device)
            return np.asarray((_share(lesion, world, points, 1e-3) >= 0.5).cpu().numpy())

        found = fill(slope.numpy().ravel()[within], cell, wanted, allowed, SHARE)
        inside = points_of(axes, within[found.inside])
        farthest = float(np.linalg.norm(inside - np.asarray(lesion.centre_mm), axis=1).max(initial=0.0))
        return lesion.model_copy(
            update={
                "slope": found.level,
                "volume_mm3": round(found.volume, DIGITS),
                "z_range_mm": z_range(inside[:, 0], np.full(len(inside), cell), STEP_MM),
                "reach_mm": round(min(farthest + STEP_MM, half), DIGITS),
            }
        )

    def _place(
        self, rng: np.random.Generator, recipe: StrokeRecipe, wanted: float, world: World
    ) -> tuple[str, Literal[-1, 1], Vector, Vector, float]:
        """Territory, side, tip and axis (scanner space), and the length of the wedge."""
        name = recipe.territories.draw(rng)
        known = TERRITORIES[name]
        side: Literal[-1, 1] = 1 if rng.uniform() < 0.5 else -1
        deep = np.asarray(known.tip) + np.clip(rng.normal(size=3), -2, 2) * np.asarray(_JITTER)
        low, high = np.asarray(known.targets, float)
        target = low + rng.uniform(size=3) * (high - low)
        target[0] = deep[0] + np.clip(target[0] - deep[0], -15, 15)  # axial slices show the tip and the base
        mirrored = np.array([1.0, 1.0, side])
        ends = [np.asarray(world.to_scanner(_rounded(point * mirrored))) for point in (deep, target)]
        if world.grid is not None and world.grid.shape[0] == 1:
            for end in ends:
                end[0] = world.grid.centre[2]
        axis = ends[1] - ends[0]
        distance = float(np.linalg.norm(axis))
        axis /= distance
        length = float(np.clip(LENGTH * wanted ** (1 / 3), SHORTEST_MM, min(LONGEST_MM, distance)))
        return name, side, _rounded(ends[1] - length * axis), _rounded(axis), length

    def reach(self, lesion: Stroke) -> float:
        return lesion.reach_mm + 1.0

    def footprint(self, lesion: Stroke, world: World, points: torch.Tensor, softness: float) -> Footprint:
        places = [points[..., i] for i in range(3)]
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, NOISE_MM)
        # The flanks are this far away: the slope grows by one as the distance grows by the wedge's half-width.
        width = (_along(lesion, places) + BLUNT_MM).clamp(min=1.0)
        beyond = (_slope(lesion, places, noise) - lesion.slope) * width
        core = torch.clamp(0.5 - beyond / max(softness, lesion.edge_mm), 0, 1)
        core = core * _share(lesion, world, points, softness)
        level = lesion.value + lesion.texture * texture_noise(lesion, points)
        return Footprint(core, level, torch.zeros_like(core), 0.0)


def _along(lesion: Stroke, places: list[torch.Tensor]) -> torch.Tensor:
    """Distance from the tip along the axis, from coordinates z, y and x of shapes that broadcast."""
    offset = [places[i] - lesion.tip_mm[i] for i in range(3)]
    return (lesion.axis[0] * offset[0] + lesion.axis[1] * offset[1]) + lesion.axis[2] * offset[2]


def _slope(lesion: Stroke, places: list[torch.Tensor], noise: torch.Tensor) -> torch.Tensor:
    """Distance from the axis over the distance from where the flanks meet, bent by noise; large behind the tip."""
    along = _along(lesion, places)
    offset = [places[i] - lesion.tip_mm[i] - lesion.axis[i] * along for i in range(3)]
    across = torch.sqrt((offset[0] / lesion.height) ** 2 + offset[1] ** 2 + offset[2] ** 2)
    bent = 1 + lesion.roughness * torch.clamp(noise, -NOISE_LIMIT, NOISE_LIMIT)
    slope = across / (along + BLUNT_MM).clamp(min=1.0) * bent
    return slope + torch.clamp(-along, min=0)


def _share(lesion: Stroke, world: World, points: torch.Tensor, softness: float) -> torch.Tensor:
    """Share (0..1) of the surroundings of points where the infarct can be: brain tissue of its territory."""
    at = world.to_template(points)
    within = torch.clamp(0.5 - outside(lesion.territory, lesion.side, at) / softness, 0, 1)
    offset = points - torch.tensor(lesion.centre_mm, device=points.device)
    if lesion.reach_mm > 0:
        within = within * (offset.norm(dim=-1) <= lesion.reach_mm)
    fluid = world.at_template(at, "csf")
    tissue = torch.clamp((FLUID_FULL - fluid) / (FLUID_FULL - FLUID_FREE), 0, 1)
    return within * tissue * share_of_tissue(world, points, "parenchyma", softness)


def _rounded(position: Any) -> Vector:
    z, y, x = (round(float(value), DIGITS) for value in position)
    return z, y, x


FAMILY = StrokeFamily()
