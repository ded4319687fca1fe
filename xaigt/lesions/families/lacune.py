"""Lacunes: small cavities of fluid in the deep nuclei, the deep white matter and the pons."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xaigt.distributions import Choice, Number, Quantiles, Uniform
from xaigt.lesions.focal import Focal, FocalFamily, FocalRecipe
from xaigt.lesions.signal import Signal


class LacuneRecipe(FocalRecipe):
    """What a recipe says of lacunes; sources: generators/lacune.yaml."""

    family: Literal["lacune"] = "lacune"
    sites: Choice = Choice(choice={"basal-ganglia": 0.4, "deep-white": 0.3, "thalamus": 0.2, "pons": 0.1})
    diameter_mm: Number = Quantiles(quantiles={0.0: 3.0, 0.5: 7.0, 1.0: 15.0}, log=True)
    axis_ratio: Number = Uniform(uniform=(0.8, 1.25))
    roughness: Number = Uniform(uniform=(0.03, 0.1))
    signal: Signal = Field(
        default={
            "T1w": 0.42,
            "T2w": 3.8,
            "FLAIR": Uniform(uniform=(0.0, 0.2)),
            "CT": Uniform(uniform=(5.0, 10.0)),
        }
    )
    texture: Number = 0.0
    edge_mm: Number = Uniform(uniform=(0.4, 1.0))


class Lacune(Focal):
    """One drawn lacune."""

    family: Literal["lacune"] = "lacune"


class LacuneFamily(FocalFamily):
    """See the module. A cavity below 3 mm would be a perivascular space."""

    name = "lacune"
    recipe = LacuneRecipe
    lesion = Lacune
    smallest_mm3 = 14.0  # a sphere of 3 mm has 14.1 mm3


FAMILY = LacuneFamily()
