"""How bright a lesion is, by contrast: MR as a ratio over white matter, CT in Hounsfield units."""

from __future__ import annotations

from typing import Literal

import numpy as np

from xaigt.distributions import DIGITS, Number, draw
from xaigt.errors import XaigtError
from xaigt.lesions.base import World

Contrast = Literal["CT", "T1w", "T2w", "PDw", "FLAIR", "SWI", "DWI", "ADC"]
Signal = dict[Contrast, Number]
"""Of each contrast that a kind of lesion is seen in: MR over that of white matter, CT in HU."""

MR_WHITE = 1000.0  # white matter of every MR template
CT_WHITE = 29.0  # HU: what contrasts on CT are taken over


def white_value(world: World) -> float:
    """Image value of white matter in the world's contrast."""
    return CT_WHITE if world.modality == "CT" else MR_WHITE


def draw_value(rng: np.random.Generator, signal: Signal, world: World, family: str, field: str = "signal") -> float:
    """Draw the image value of a lesion in the world's contrast.

    Raises
    ------
    XaigtError
        If the recipe says nothing of that contrast.
    """
    for contrast, number in signal.items():
        if contrast == world.modality:
            value = draw(rng, number)
            return value if contrast == "CT" else round(MR_WHITE * value, DIGITS)
    raise XaigtError(
        f"family {family}: parameters.{field} says nothing of {world.modality}, only of {', '.join(signal)}: "
        f"add {world.modality} (MR: over white matter; CT: HU), or take a template of another contrast."
    )
