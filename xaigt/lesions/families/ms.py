"""Lesions of multiple sclerosis: ovoids whose long axis is perpendicular to the wall of the ventricles.

Their middle lies in white matter; large ones take some grey matter too, from which they hardly differ.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from xaigt.distributions import DIGITS, Choice, Normal, Number, Quantiles, Uniform, draw
from xaigt.lesions.base import World
from xaigt.lesions.blobs import Ellipsoid
from xaigt.lesions.focal import Focal, FocalFamily, FocalRecipe
from xaigt.lesions.regions import Range
from xaigt.lesions.signal import Signal

PERIVENTRICULAR = ("body-wall", "frontal-cap", "occipital-cap")
CORTICAL, LARGE_MM = "juxtacortical", 6.0
_STEP_MM = 3.0  # of the differences that give the direction away from the wall


class MsRecipe(FocalRecipe):
    """What a recipe says of multiple sclerosis; sources: generators/ms.yaml."""

    family: Literal["ms"] = "ms"
    sites: Choice = Choice(
        choice={"body-wall": 0.4, "frontal-cap": 0.1, "occipital-cap": 0.1, "deep-white": 0.25, "juxtacortical": 0.15}
    )
    volume_mm3: Number = Quantiles(
        quantiles={0.0: 50, 0.4267: 100, 0.8506: 500, 0.913: 1000, 0.9659: 5000, 1.0: 12000}, log=True
    )
    axis_ratio: Number = Uniform(uniform=(1.3, 2.2))
    roughness: Number = Uniform(uniform=(0.03, 0.1))
    signal: Signal = Field(
        default={
            "T1w": Normal(normal=(0.791, 0.139), clip=(0.4, 0.95)),
            "T2w": Normal(normal=(1.374, 0.353), clip=(1.1, 2.5)),
            "FLAIR": Normal(normal=(1.323, 0.068), clip=(1.15, 1.6)),
            "PDw": Normal(normal=(1.328, 0.133), clip=(1.1, 1.8)),
            "ADC": 1.414,
        }
    )
    texture: Number = Uniform(uniform=(0.05, 0.12))
    edge_mm: Number = Uniform(uniform=(0.6, 1.5))


class Ms(Focal):
    """One drawn lesion of multiple sclerosis."""

    family: Literal["ms"] = "ms"


class MsFamily(FocalFamily):
    """See the module. `axis_ratio` is length over width."""

    name = "ms"
    recipe = MsRecipe
    lesion = Ms

    def volume(self, rng: np.random.Generator, recipe: Any) -> float:
        return draw(rng, recipe.volume_mm3)

    def sites(self, recipe: Any, radius: float) -> Choice:
        """None of the large ones lies under the cortex: there is no white matter for it."""
        inner = {name: weight for name, weight in recipe.sites.choice.items() if name != CORTICAL}
        return Choice(choice=inner) if radius > LARGE_MM and sum(inner.values()) > 0 else recipe.sites

    def walls(self, radius: float) -> dict[str, Range]:
        """One end touches the wall."""
        return dict.fromkeys(PERIVENTRICULAR, (0.8 * radius, max(1.3 * radius, 0.8 * radius + 1.5)))

    def ellipsoids(
        self, rng: np.random.Generator, recipe: Any, site: str, centre: tuple[float, float, float], world: World
    ) -> tuple[Ellipsoid, ...]:
        ratio = draw(rng, recipe.axis_ratio)
        width = ratio ** (-1 / 3)
        z, y, x = away_from_ventricles(centre, world)
        axes = (round(ratio * width, DIGITS), round(width, DIGITS), round(width, DIGITS))
        # The first axis of an ellipsoid is x turned about y, then about z: see xaigt.volume.rotation_matrix.
        turn = (0.0, float(-np.degrees(np.arcsin(np.clip(z, -1, 1)))), float(np.degrees(np.arctan2(y, x))))
        rotation = (turn[0], round(turn[1], DIGITS), round(turn[2], DIGITS))
        return (Ellipsoid(offset=(0.0, 0.0, 0.0), axes=axes, rotation_deg=rotation, size=1.0),)


def away_from_ventricles(centre: tuple[float, float, float], world: World) -> tuple[float, float, float]:
    """Unit vector (z, y, x) of scanner space, along which the distance to the ventricles grows fastest."""
    steps = np.eye(3) * _STEP_MM
    points = np.asarray(centre) + np.concatenate([steps, -steps])
    distance = -world.probe(world.locate(points), "ventricles").astype(np.float64)
    slope = distance[:3] - distance[3:]
    z, y, x = (slope / max(float(np.linalg.norm(slope)), 1e-6)).tolist()
    return z, y, x


FAMILY = MsFamily()
