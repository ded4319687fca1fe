"""Subdural hemorrhage: a crescent along the inner table that crosses sutures and stops at the falx."""

from __future__ import annotations

from typing import Literal

import numpy as np

from xaigt.distributions import Number, Quantiles, Uniform, draw
from xaigt.lesions.base import Streams
from xaigt.lesions.extra_axial import ExtraAxial, ExtraAxialFamily, ExtraAxialRecipe
from xaigt.lesions.shell import volume_factor

FALX_GAP_MM = 1.0
LARGEST_RATIO = 0.6


class SubduralRecipe(ExtraAxialRecipe):
    """What a recipe says of subdural hemorrhage; sources: generators/hemorrhage.yaml."""

    family: Literal["subdural"] = "subdural"
    volume_ml: Number = Quantiles(
        quantiles={0.0: 0.6, 0.25: 2.3, 0.5: 6.0, 0.75: 23.0, 0.95: 74.0, 1.0: 100.0}, log=True
    )
    core_hu: Number = Quantiles(quantiles={0.0: 40, 0.05: 41, 0.25: 44, 0.5: 48, 0.75: 56, 0.95: 66, 1.0: 72})
    thickness_mm: Number = Uniform(uniform=(4.0, 10.0))
    stretch: Number = Uniform(uniform=(1.0, 1.6))


class Subdural(ExtraAxial):
    """One drawn subdural hemorrhage."""

    family: Literal["subdural"] = "subdural"


class SubduralFamily(ExtraAxialFamily):
    """See the module. Collections along the falx and the tentorium are not drawn."""

    name = "subdural"
    recipe = SubduralRecipe
    lesion = Subdural
    form = "crescent"

    def ratio(self, rng: np.random.Generator, recipe: SubduralRecipe, volume_mm3: float) -> float:
        """Ratio of a layer of the drawn thickness: small ones are short rather than thin."""
        thickness = draw(rng, recipe.thickness_mm)
        radius = (volume_mm3 / (volume_factor(self.form) * thickness)) ** 0.5
        return min(thickness / radius, LARGEST_RATIO)

    def place(self, streams: Streams) -> tuple[float, float, float]:
        """Over the convexity, frontal to parietal."""
        rng = streams("place")
        side = float(rng.choice([-1.0, 1.0]))
        return float(rng.uniform(-0.1, 0.7)), float(rng.uniform(-0.9, 0.8)), side

    def folds(self, position: tuple[float, float, float]) -> tuple[tuple[tuple[float, float, float], float], ...]:
        return (((0.0, 0.0, 1.0 if position[2] >= 0 else -1.0), FALX_GAP_MM),)


FAMILY = SubduralFamily()
