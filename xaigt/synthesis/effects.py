"""What correlates with the class and is no lesion, and what correlates with the lesion's signal and not with the class.

``mark``: a bright square outside the head, as a scanner or a marker leaves it. ``shift``: another level of the whole
head. Both are confounders: present with probability (1 + r) / 2 in the last class and (1 - r) / 2 in the others, which
for two balanced classes makes r the correlation with the class.

``background``: a suppressor (Wilming et al. 2023, doi 10.1038/s42005-023-01334-1 [unverified]; Haufe et al. 2014, doi
10.1016/j.neuroimage.2013.10.067): a random amount d, drawn alike in every class, is added to a disc about the lesion's
place and to its mirror image on the other side. The mirror image says nothing of the class, but a network gains from
subtracting it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Discriminator, Field

from xaigt.distributions import DIGITS, Number, Uniform, draw
from xaigt.lesions import Streams
from xaigt.schema import Strict
from xaigt.volume import Grid

Share = Annotated[float, Field(ge=0, le=1)]
CONFOUNDER, SUPPRESSOR = "confounder", "suppressor"


class MarkRecipe(Strict):
    """A bright square in a corner of the field of view."""

    kind: Literal["mark"]
    correlation: Share = 1.0
    size_mm: Annotated[Number, Field(description="edge of the square")] = 10.0
    value: Annotated[Number, Field(description="value that it has in the image")] = 80.0


class ShiftRecipe(Strict):
    """Another level of the whole head."""

    kind: Literal["shift"]
    correlation: Share = 1.0
    value: Annotated[Number, Field(description="what it adds inside the skull")] = 4.0


class BackgroundRecipe(Strict):
    """A random level shared by the lesion's place and its mirror image."""

    kind: Literal["background"]
    strength: Annotated[float, Field(ge=0, description="SD of what is added, in units of the image")] = 5.0
    radius_mm: Annotated[Number, Field(description="of both discs")] = Uniform(uniform=(8, 14))


EffectRecipe = Annotated[MarkRecipe | ShiftRecipe | BackgroundRecipe, Discriminator("kind")]


class Effect(Strict):
    """The drawn numbers of one effect; absent ones are not kept. `centre_mm` (z, y, x) is the lesion's place."""

    kind: Literal["mark", "shift", "background"]
    value: float
    size_mm: float = 0.0
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def role(self) -> str:
        """Confounder or suppressor."""
        return SUPPRESSOR if self.kind == "background" else CONFOUNDER


def draw_effects(
    streams: Streams, recipes: list[EffectRecipe], label: int, last: int, place: tuple[float, float, float]
) -> tuple[Effect, ...]:
    """Draw the effects of one sample.

    Parameters
    ----------
    streams
        Of the sample.
    recipes
        What the recipe asks for.
    label, last
        The sample's class and the highest class.
    place
        Centre (z, y, x; mm) of its first lesion, planted or not.
    """
    found = []
    for number, recipe in enumerate(recipes):
        rng = streams(f"effect-{number}")
        if isinstance(recipe, BackgroundRecipe):
            value = round(float(rng.normal()) * recipe.strength, DIGITS)
            found.append(Effect(kind="background", value=value, size_mm=draw(rng, recipe.radius_mm), centre_mm=place))
        elif with_correlation(rng, recipe.correlation, label == last):
            size = draw(rng, recipe.size_mm) if isinstance(recipe, MarkRecipe) else 0.0
            found.append(Effect(kind=recipe.kind, value=draw(rng, recipe.value), size_mm=size))
    return tuple(found)


def with_correlation(rng: np.random.Generator, correlation: float, in_class: bool) -> bool:
    """Draw a presence that correlates with the class: (1 + r) / 2 in it, (1 - r) / 2 outside."""
    return bool(rng.uniform() < (1 + (correlation if in_class else -correlation)) / 2)


def apply(
    effect: Effect, grid: Grid, image: torch.Tensor, inside: torch.Tensor, middle_x: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What an effect adds to every image of a sample, and its mask; both ``[z, y, x]``.

    Parameters
    ----------
    effect
        As drawn.
    grid
        The voxels.
    image
        What is there, without noise: a mark takes its place.
    inside
        Where the inside of the skull is: the support of a shift, and of a background.
    middle_x
        x (mm) of the midline in scanner space.
    """
    z, y, x = (torch.from_numpy(axis.astype(np.float32)).to(inside.device) for axis in grid.axes())
    if effect.kind == "shift":
        mask = inside
    elif effect.kind == "mark":
        # The corner that is in front on the patient's right: outside every head.
        near_y, near_x = y.max() - y < effect.size_mm, x.max() - x < effect.size_mm
        mask = (near_y[None, :, None] & near_x[None, None, :]).expand(grid.shape)
        return torch.where(mask, effect.value - image, 0.0), mask
    else:
        cz, cy, cx = effect.centre_mm
        flat = ((z - cz) ** 2)[:, None, None] + ((y - cy) ** 2)[None, :, None]
        own = flat + ((x - cx) ** 2)[None, None, :] < effect.size_mm**2
        mirrored = flat + ((x - (2 * middle_x - cx)) ** 2)[None, None, :] < effect.size_mm**2
        # The mirror image is the suppressor; the lesion's own place only shares its level.
        return ((own | mirrored) & inside) * effect.value, mirrored & ~own & inside
    return mask * effect.value, mask
