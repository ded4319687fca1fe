"""Tumours like a glioblastoma: a necrotic core, an enhancing rim, and oedema that infiltrates white matter."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from xaigt.distributions import DIGITS, Choice, Count, Integers, Number, Quantiles, Uniform, draw, draw_count
from xaigt.lesions.base import Footprint, Streams, World
from xaigt.lesions.blobs import Ellipsoid, draw_ellipsoids
from xaigt.lesions.focal import Focal, FocalFamily, FocalRecipe, texture_noise
from xaigt.lesions.noise import noise_at
from xaigt.lesions.signal import MR_WHITE, Signal, draw_value
from xaigt.randomness import subseed

_FADE = 0.6  # of the width of the oedema: over how much of it it fades
_FINGERS = 0.45  # how much its width varies
_FINGER_MM = 14.0  # size of that variation
_UNEVEN = 0.45  # how much the rim's thickness varies
_BLEND_MM = 0.8  # over which the rim becomes the core


class TumorRecipe(FocalRecipe):
    """What a recipe says of tumours; sources: generators/tumor.yaml. `signal` is that of the rim."""

    family: Literal["tumor"] = "tumor"
    sites: Choice = Choice(choice={"lobar": 0.75, "deep-white": 0.25})
    volume_ml: Number = Quantiles(quantiles={0.0: 3.0, 0.5: 15.0, 1.0: 60.0}, log=True)
    ellipsoids: Count = Integers(integers=(1, 3))
    axis_ratio: Number = Uniform(uniform=(0.75, 1.35))
    roughness: Number = Uniform(uniform=(0.08, 0.18))
    rim_mm: Number = Uniform(uniform=(3.0, 7.0))
    signal: Signal = Field(
        default={
            "T1w": Uniform(uniform=(1.3, 2.0)),
            "T2w": Uniform(uniform=(1.5, 2.0)),
            "FLAIR": Uniform(uniform=(1.4, 1.8)),
        }
    )
    core_signal: Signal = Field(
        default={
            "T1w": Uniform(uniform=(0.5, 0.6)),
            "T2w": Uniform(uniform=(2.6, 3.4)),
            "FLAIR": Uniform(uniform=(0.6, 1.0)),
        }
    )
    oedema_signal: Signal = Field(default={"T1w": 0.79, "T2w": 2.5, "FLAIR": 1.95})
    oedema_mm: Number = Uniform(uniform=(6.0, 20.0))
    texture: Number = Uniform(uniform=(0.08, 0.2))
    edge_mm: Number = Uniform(uniform=(0.8, 1.5))


class Tumor(Focal):
    """One drawn tumour: `value` is that of the rim, `oedema` what full oedema adds to white matter."""

    family: Literal["tumor"] = "tumor"
    rim_mm: float
    core_value: float
    oedema: float
    oedema_mm: float
    oedema_seed: int


class TumorFamily(FocalFamily):
    """See the module. Core and rim are the lesion; the oedema is not. A small tumour is all rim."""

    name = "tumor"
    recipe = TumorRecipe
    lesion = Tumor
    smallest_mm3 = 500.0

    def volume(self, rng: np.random.Generator, recipe: Any) -> float:
        return 1000 * draw(rng, recipe.volume_ml)

    def ellipsoids(
        self, rng: np.random.Generator, recipe: Any, site: str, centre: tuple[float, float, float], world: World
    ) -> tuple[Ellipsoid, ...]:
        del site, centre, world
        return draw_ellipsoids(rng, draw_count(rng, recipe.ellipsoids), recipe.axis_ratio)

    def extras(self, streams: Streams, recipe: Any, world: World, wanted: float) -> dict[str, Any]:
        del wanted
        contrast = streams("oedema")
        oedema = draw_value(contrast, recipe.oedema_signal, world, self.name, "oedema_signal")
        return {
            "rim_mm": draw(streams("rim"), recipe.rim_mm),
            "core_value": draw_value(streams("core"), recipe.core_signal, world, self.name, "core_signal"),
            "oedema": round(oedema - MR_WHITE, DIGITS),
            "oedema_mm": draw(contrast, recipe.oedema_mm),
            "oedema_seed": subseed(contrast),
        }

    def reach(self, lesion: Tumor) -> float:
        return lesion.shape.reach_mm + 1.5 * (1 + _FINGERS) * lesion.oedema_mm

    def footprint(self, lesion: Tumor, world: World, points: torch.Tensor, softness: float) -> Footprint:
        found = super().footprint(lesion, world, points, softness)
        beyond = self.beyond(lesion, points)
        noise = noise_at(lesion.oedema_seed, points, lesion.centre_mm, _FINGER_MM)
        width = lesion.oedema_mm * (1 + _FINGERS * torch.clamp(noise, -1, 1))
        fade = torch.clamp((width - beyond) / (_FADE * width), 0, 1)
        white = torch.clamp(1.5 * world(points, "white") - 0.25, 0, 1)
        oedema = fade * fade * (3 - 2 * fade) * white * (1 - found.core)
        return Footprint(found.core, found.level, oedema, lesion.oedema)

    def level(self, lesion: Tumor, points: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
        """Rim near the surface, core deeper; the same noise makes the rim uneven and both grainy."""
        noise = texture_noise(lesion, points)
        rim = lesion.rim_mm * (1 + _UNEVEN * torch.clamp(noise, -1.3, 2))
        core = torch.clamp(0.5 + (-beyond - rim) / _BLEND_MM, 0, 1)
        return lesion.value + core * (lesion.core_value - lesion.value) + lesion.texture * noise * (1 - 0.5 * core)


FAMILY = TumorFamily()
