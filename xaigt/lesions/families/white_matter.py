"""White-matter hyperintensities: caps of the ventricles' horns, bands along their walls, and deep foci."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from xaigt.distributions import Choice, Number, Quantiles, Uniform, draw
from xaigt.lesions.focal import Focal, FocalFamily, FocalRecipe
from xaigt.lesions.regions import Range
from xaigt.lesions.signal import Signal


class WhiteMatterRecipe(FocalRecipe):
    """What a recipe says of white-matter hyperintensities; sources: generators/white-matter.yaml."""

    family: Literal["white-matter"] = "white-matter"
    sites: Choice = Choice(choice={"frontal-cap": 0.25, "occipital-cap": 0.2, "body-wall": 0.2, "deep-white": 0.35})
    volume_ml: Number = Quantiles(quantiles={0.0: 0.03, 0.25: 0.1, 0.5: 0.3, 0.75: 1.0, 1.0: 6.0}, log=True)
    axis_ratio: Number = Uniform(uniform=(0.7, 1.45))
    roughness: Number = Uniform(uniform=(0.1, 0.2))
    signal: Signal = Field(
        default={
            "T1w": Uniform(uniform=(0.82, 0.91)),
            "T2w": Uniform(uniform=(1.6, 2.2)),
            "FLAIR": Uniform(uniform=(1.5, 1.9)),
        }
    )
    texture: Number = Uniform(uniform=(0.05, 0.12))
    edge_mm: Number = Uniform(uniform=(1.0, 2.5))


class WhiteMatter(Focal):
    """One drawn hyperintensity."""

    family: Literal["white-matter"] = "white-matter"


class WhiteMatterFamily(FocalFamily):
    """See the module. What touches a ventricle follows its wall, because fluid is no room for it."""

    name = "white-matter"
    recipe = WhiteMatterRecipe
    lesion = WhiteMatter
    tissue = "white"

    def volume(self, rng: np.random.Generator, recipe: Any) -> float:
        return 1000 * draw(rng, recipe.volume_ml)

    def walls(self, radius: float) -> dict[str, Range]:
        """Caps and bands are centred close to the wall, so that they touch it."""
        near = (0.0, max(1.5, 0.4 * radius))
        return {"frontal-cap": near, "occipital-cap": near, "body-wall": near}


FAMILY = WhiteMatterFamily()
