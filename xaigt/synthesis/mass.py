"""Mass effect of a sample: which lesions displace tissue, and where every voxel's tissue came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

from xaigt.anatomy.world import Anatomy
from xaigt.distributions import Number, Uniform, draw
from xaigt.lesions import Lesion, Streams, family
from xaigt.schema import Strict


class MassEffectRecipe(Strict):
    """Displacement of the tissue around lesions. It is evidence outside the mask: leave it off, or give it to all."""

    strength: Annotated[Number, Field(description="share of a lesion's volume that was made by pushing")] = Uniform(
        uniform=(0.3, 0.9)
    )
    sham: Annotated[
        bool, Field(description="lesions that are drawn and not planted displace tissue too, so that it tells nothing")
    ] = False


def draw_strength(streams: Streams, recipe: MassEffectRecipe | None) -> float:
    """Draw the strength of one sample's mass effect, 0 to 1."""
    return 0.0 if recipe is None else min(max(draw(streams("mass-effect"), recipe.strength), 0.0), 1.0)


def displaced(lesions: Sequence[Lesion], strength: float, anatomy: Anatomy, points: torch.Tensor) -> torch.Tensor:
    """Points ``[..., 3]`` (z, y, x; mm) of the undisplaced subject whose tissue is seen at `points`."""
    result = points
    for lesion in lesions:
        offsets = family(lesion.family).displacement(lesion, anatomy, points, strength)
        if offsets is not None:
            result = result + offsets
    return result
