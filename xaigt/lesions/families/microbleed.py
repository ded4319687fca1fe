"""Microbleeds: small round voids on susceptibility-weighted images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xaigt.distributions import Choice, Number, Quantiles, Uniform
from xaigt.lesions.focal import Focal, FocalFamily, FocalRecipe
from xaigt.lesions.signal import Signal


class MicrobleedRecipe(FocalRecipe):
    """What a recipe says of microbleeds; sources: generators/microbleed.yaml."""

    family: Literal["microbleed"] = "microbleed"
    sites: Choice = Choice(
        choice={"lobar": 0.4, "temporal": 0.1, "basal-ganglia": 0.2, "thalamus": 0.15, "cerebellum": 0.1, "pons": 0.05}
    )
    diameter_mm: Number = Quantiles(quantiles={0.0: 2.0, 0.9: 5.0, 1.0: 10.0})
    axis_ratio: Number = Uniform(uniform=(0.9, 1.1))
    roughness: Number = Uniform(uniform=(0.0, 0.04))
    signal: Signal = Field(default={"SWI": Uniform(uniform=(0.1, 0.4))})
    texture: Number = 0.0
    edge_mm: Number = Uniform(uniform=(0.4, 0.8))


class Microbleed(Focal):
    """One drawn microbleed."""

    family: Literal["microbleed"] = "microbleed"


class MicrobleedFamily(FocalFamily):
    """See the module. Its size is that of the void, which susceptibility makes larger than the deposit."""

    name = "microbleed"
    recipe = MicrobleedRecipe
    lesion = Microbleed


FAMILY = MicrobleedFamily()
