"""Calcifications: dense, often lumpy specks of the basal ganglia, the pineal, the choroid plexus and the lobes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from xaigt.distributions import Choice, Count, Integers, Number, Quantiles, Uniform, draw_count
from xaigt.lesions.base import World
from xaigt.lesions.blobs import Ellipsoid, draw_ellipsoids
from xaigt.lesions.focal import Focal, FocalFamily, FocalRecipe
from xaigt.lesions.signal import Signal


class CalcificationRecipe(FocalRecipe):
    """What a recipe says of calcifications; sources: generators/calcification.yaml."""

    family: Literal["calcification"] = "calcification"
    sites: Choice = Choice(
        choice={"basal-ganglia": 0.4, "lobar": 0.2, "temporal": 0.1, "pineal": 0.1, "choroid": 0.1, "cerebellum": 0.1}
    )
    diameter_mm: Number = Quantiles(quantiles={0.0: 2.0, 0.5: 4.0, 1.0: 10.0}, log=True)
    ellipsoids: Count = Integers(integers=(1, 3))
    axis_ratio: Number = Uniform(uniform=(0.7, 1.4))
    roughness: Number = Uniform(uniform=(0.08, 0.18))
    signal: Signal = Field(default={"CT": Uniform(uniform=(100.0, 400.0)), "SWI": Uniform(uniform=(0.1, 0.4))})
    texture: Number = Uniform(uniform=(0.05, 0.15))
    edge_mm: Number = Uniform(uniform=(0.3, 0.8))


class Calcification(Focal):
    """One drawn calcification."""

    family: Literal["calcification"] = "calcification"


class CalcificationFamily(FocalFamily):
    """See the module."""

    name = "calcification"
    recipe = CalcificationRecipe
    lesion = Calcification
    compartments = ("parenchyma", "ventricles", "cisterns")
    tissue = "brain"

    def ellipsoids(
        self, rng: np.random.Generator, recipe: Any, site: str, centre: tuple[float, float, float], world: World
    ) -> tuple[Ellipsoid, ...]:
        del site, centre, world
        return draw_ellipsoids(rng, draw_count(rng, recipe.ellipsoids), recipe.axis_ratio)


FAMILY = CalcificationFamily()
