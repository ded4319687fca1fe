"""Subdural hemorrhage: a crescent along the inner table that crosses sutures, or along the falx or the tentorium."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import field_validator

from xaigt.distributions import DIGITS, Choice, Number, Quantiles, Uniform, draw
from xaigt.lesions.base import Streams, World
from xaigt.lesions.blobs import sphere_radius
from xaigt.lesions.blood import draw_blood, known_stages
from xaigt.lesions.extra_axial import ExtraAxial, ExtraAxialFamily, ExtraAxialRecipe
from xaigt.lesions.sheets import LARGEST_ML, SHEETS, Sheet, Side, draw_centre
from xaigt.lesions.shell import volume_factor
from xaigt.randomness import either_side, subseed

CONVEXITY = "convexity"
FALX_GAP_MM = 1.0
LARGEST_RATIO = 0.6
REFERENCE_MM3 = 10_000.0  # volume that `thickness_mm` is meant for


class SubduralRecipe(ExtraAxialRecipe):
    """What a recipe says of subdural hemorrhage; sources: generators/hemorrhage.yaml."""

    family: Literal["subdural"] = "subdural"
    sites: Choice = Choice(choice={CONVEXITY: 0.75, "falx": 0.15, "tentorium": 0.1})
    volume_ml: Number = Quantiles(
        quantiles={0.0: 0.6, 0.25: 2.3, 0.5: 6.0, 0.75: 23.0, 0.95: 74.0, 1.0: 100.0}, log=True
    )
    core_hu: Number = Quantiles(quantiles={0.0: 40, 0.05: 41, 0.25: 44, 0.5: 48, 0.75: 56, 0.95: 66, 1.0: 72})
    thickness_mm: Number = Uniform(uniform=(3.5, 6.5))
    thinnest_mm: Number = 2.4
    sheet_stage: Choice = Choice(choice={"acute": 0.85, "subacute": 0.15})
    sheet_mm: Number = Uniform(uniform=(2.5, 6.0))
    stretch: Number = Uniform(uniform=(1.0, 1.6))

    _known_sheet_stages = field_validator("sheet_stage")(known_stages)

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: Choice) -> Choice:
        return sites.among((CONVEXITY, *SHEETS))


class Subdural(ExtraAxial):
    """One drawn subdural hemorrhage."""

    family: Literal["subdural"] = "subdural"


class SubduralFamily(ExtraAxialFamily):
    """See the module."""

    name = "subdural"
    recipe = SubduralRecipe
    lesion = Subdural
    form = "crescent"

    def draw(self, streams: Streams, recipe: SubduralRecipe, world: World) -> ExtraAxial:  # type: ignore[override]
        site = recipe.sites.draw(streams("site"))
        return super().draw(streams, recipe, world) if site == CONVEXITY else self._beside(site, streams, recipe, world)

    def _beside(self, site: str, streams: Streams, recipe: SubduralRecipe, world: World) -> ExtraAxial:
        """Draw a collection along a sheet of dura."""
        place, form = streams("place"), streams("shape")
        wanted = 1000 * min(draw(form, recipe.volume_ml), LARGEST_ML[site])
        thickness, stretch = draw(form, recipe.sheet_mm), draw(form, recipe.stretch)
        side: Side = 1 if place.uniform() < 0.5 else -1
        middle = draw_centre(place, site, side, world)
        z, y, x = (round(value, 4) for value in world.to_scanner(middle))
        stage, blood = draw_blood(streams("contrast"), recipe, recipe.sheet_stage)
        lesion = self.lesion(
            centre_mm=(z, y, x),
            radius_mm=sphere_radius(wanted),
            volume_mm3=0.0,
            z_range_mm=(0.0, 0.0),
            shape=Sheet(
                form="falx" if site == "falx" else "tentorium",
                side=side,
                centre=middle,
                ratio=round(_ratio(thickness, wanted), DIGITS),
                stretch=stretch,
                scale=world.scale,
            ),
            folds=(),
            noise_seed=subseed(form),
            stage=stage,
            blood=blood,
        )
        return self._resolve(lesion, wanted, world)

    def ratio(self, rng: np.random.Generator, recipe: SubduralRecipe, volume_mm3: float) -> float:
        """Ratio of a layer as thick as drawn for 10 mL; thickness grows with the root of the volume."""
        thickness = draw(rng, recipe.thickness_mm) * (volume_mm3 / REFERENCE_MM3) ** 0.5
        return _ratio(max(thickness, draw(rng, recipe.thinnest_mm)), volume_mm3)

    def place(self, streams: Streams) -> tuple[float, float, float]:
        """Over the convexity, frontal to parietal."""
        rng = streams("place")
        side = either_side(rng)
        return float(rng.uniform(-0.1, 0.7)), float(rng.uniform(-0.9, 0.8)), side

    def folds(self, position: tuple[float, float, float]) -> tuple[tuple[tuple[float, float, float], float], ...]:
        return (((0.0, 0.0, 1.0 if position[2] >= 0 else -1.0), FALX_GAP_MM),)


def _ratio(thickness_mm: float, volume_mm3: float) -> float:
    radius = (volume_mm3 / (volume_factor("crescent") * thickness_mm)) ** 0.5
    return min(thickness_mm / radius, LARGEST_RATIO)


FAMILY = SubduralFamily()
