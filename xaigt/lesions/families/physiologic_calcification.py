"""Calcifications that are no disease: choroid plexus, pineal gland, basal ganglia. Bright and small."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import field_validator

from xaigt.distributions import DIGITS, Choice, Number, Uniform, draw
from xaigt.lesions.base import LesionRecipe, Streams, World
from xaigt.lesions.strands import Point, Strands, StrandsFamily, Tube, measured, rounded
from xaigt.randomness import either_side, normal_three

# Centres (z, y, x; right side), spreads (mm) and whether they come in pairs: approximate positions in the MNI152
# average. The plexus calcifies in the atria, the basal ganglia in the pallidum.
SITES: dict[str, tuple[Point, Point, bool]] = {
    "choroid-plexus": ((8.0, -41.0, 24.0), (1.5, 2.0, 1.5), True),
    "pineal": ((1.0, -29.0, 0.0), (1.0, 1.0, 0.4), False),
    "basal-ganglia": ((-1.0, -3.0, 19.0), (1.5, 2.0, 1.5), True),
}
_BALLS = 4  # in a clump


class PhysiologicCalcificationRecipe(LesionRecipe):
    """What a recipe says of calcifications; sizes and densities: general radiology [unverified]."""

    family: Literal["physiologic-calcification"] = "physiologic-calcification"
    sites: Choice = Choice(choice={"choroid-plexus": 0.5, "pineal": 0.4, "basal-ganglia": 0.1})
    diameter_mm: Number = Uniform(uniform=(3.0, 9.0))
    hu: Number = Uniform(uniform=(75.0, 220.0))
    both_sides: Number = 0.8

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: Choice) -> Choice:
        return sites.among(SITES)


class PhysiologicCalcification(Strands):
    """One drawn calcification, or a pair."""

    family: Literal["physiologic-calcification"] = "physiologic-calcification"
    site: str


class PhysiologicCalcificationFamily(StrandsFamily):
    """See the module."""

    name = "physiologic-calcification"
    recipe = PhysiologicCalcificationRecipe
    lesion = PhysiologicCalcification
    compartments = ("ventricles", "parenchyma", "cisterns")

    def draw(self, streams: Streams, recipe: PhysiologicCalcificationRecipe, world: World) -> PhysiologicCalcification:
        place, size, form = streams("place"), streams("size"), streams("shape")
        site = recipe.sites.draw(place)
        centre, spread, paired = SITES[site]
        both = paired and place.uniform() < draw(place, recipe.both_sides)
        first = either_side(place)
        tubes: list[Tube] = []
        for side in (first, -first) if both else (first,):
            z, y, x = (c + part * s for c, part, s in zip(centre, normal_three(place), spread, strict=True))
            middle = world.to_scanner(rounded((z, y, x * side)))
            tubes += _clump(form, middle, 0.5 * draw(size, recipe.diameter_mm))
        return PhysiologicCalcification(
            site=site, hu=draw(streams("contrast"), recipe.hu), inner_mm=0.0, **measured(tubes)
        )


def _clump(rng: np.random.Generator, middle: Point, radius: float) -> list[Tube]:
    """Balls that overlap, none of which reaches further than the radius from the middle."""
    balls = []
    for index in range(_BALLS):
        own = radius * (rng.uniform(0.5, 0.7) if index else 0.75)
        direction = rng.standard_normal(3).tolist()
        length = math.hypot(*direction)
        at = rounded([place + part / length * (radius - own) for place, part in zip(middle, direction, strict=True)])
        balls.append(Tube(start=at, end=at, radius_mm=round(own, DIGITS)))
    return balls


FAMILY = PhysiologicCalcificationFamily()
