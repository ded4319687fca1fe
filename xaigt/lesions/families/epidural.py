"""Epidural hemorrhage: a lens against the inner table that stops at the sutures."""

from __future__ import annotations

from typing import Literal

import numpy as np

from xaigt.distributions import Number, Quantiles, Uniform, draw
from xaigt.lesions.base import Streams
from xaigt.lesions.extra_axial import ExtraAxial, ExtraAxialFamily, ExtraAxialRecipe
from xaigt.randomness import either_side

# Sutures as planes of template space (normal z, y, x; offset): approximate positions in the MNI152 average. The dura
# is fixed to them, so a lens lies on one side of each. Sagittal only above the ears: the vertex.
CORONAL = ((0.10, 0.995, 0.0), 14.0)
LAMBDOID = ((0.34, 0.94, 0.0), -64.0)
SAGITTAL = ((0.0, 0.0, 1.0), 0.0)
GAP_MM = 1.5


class EpiduralRecipe(ExtraAxialRecipe):
    """What a recipe says of epidural hemorrhage; sources: generators/hemorrhage.yaml."""

    family: Literal["epidural"] = "epidural"
    volume_ml: Number = Quantiles(
        quantiles={0.0: 0.6, 0.25: 2.2, 0.5: 5.1, 0.75: 15.9, 0.95: 38.0, 1.0: 60.0}, log=True
    )
    core_hu: Number = Quantiles(quantiles={0.0: 43, 0.05: 45, 0.25: 52, 0.5: 58, 0.75: 62, 0.95: 69, 1.0: 74})
    ratio: Number = Uniform(uniform=(0.5, 0.9))
    stretch: Number = Uniform(uniform=(0.9, 1.3))


class Epidural(ExtraAxial):
    """One drawn epidural hemorrhage."""

    family: Literal["epidural"] = "epidural"


class EpiduralFamily(ExtraAxialFamily):
    """See the module."""

    name = "epidural"
    recipe = EpiduralRecipe
    lesion = Epidural
    form = "lens"

    def ratio(self, rng: np.random.Generator, recipe: EpiduralRecipe, volume_mm3: float) -> float:
        """Ratio drawn for 10 mL: small lenses are flatter."""
        return draw(rng, recipe.ratio) * (volume_mm3 / 10_000.0) ** 0.15

    def place(self, streams: Streams) -> tuple[float, float, float]:
        """Temporal and parietal most often, then frontal, then occipital."""
        rng = streams("place")
        side = either_side(rng)
        where = rng.choice(["temporoparietal", "frontal", "occipital"], p=[0.7, 0.2, 0.1])
        forward, up = {
            "temporoparietal": (rng.uniform(-0.45, 0.1), rng.uniform(-0.2, 0.6)),
            "frontal": (rng.uniform(0.7, 1.6), rng.uniform(0.0, 0.8)),
            "occipital": (rng.uniform(-2.2, -1.5), rng.uniform(-0.2, 0.3)),
        }[str(where)]
        return float(up), float(forward), side

    def folds(self, position: tuple[float, float, float]) -> tuple[tuple[tuple[float, float, float], float], ...]:
        result = []
        for normal, offset in (CORONAL, LAMBDOID, SAGITTAL):
            beside = float(np.dot(normal, position)) - offset
            sign = 1.0 if beside >= 0 else -1.0
            signed = (sign * normal[0], sign * normal[1], sign * normal[2])
            result.append((signed, sign * offset + GAP_MM))
        return tuple(result)


FAMILY = EpiduralFamily()
