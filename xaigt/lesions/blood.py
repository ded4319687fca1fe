"""What a hematoma looks like inside: its age decides its density, its clots and serum its texture.

==========  ========================================================================================
stage       density of the blood
==========  ========================================================================================
acute       `core_hu`: 55 to 80 HU; swirls of less dense blood that has not clotted, where drawn
subacute    `subacute_hu`: about that of the brain (1 to 3 weeks)
chronic     `chronic_hu`: between fluid and brain (after 3 weeks)
mixed       fresh blood in old: in layers (the fresh blood lies behind, in a supine patient) or in patches
==========  ========================================================================================

The ages are those of general radiology; densities belong to recipes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import field_validator

from xaigt.compiled.blood import LAYERS, PATCHES, PLAIN, SWIRLS, blood_density
from xaigt.distributions import DIGITS, Choice, Number, Uniform, draw
from xaigt.lesions.base import Lesion, LesionRecipe
from xaigt.lesions.noise import EXTENT, NOISE_PLACES, noise_values, shape_noise
from xaigt.lesions.weighted import Values
from xaigt.randomness import subseed
from xaigt.sampling import flat, flat_values
from xaigt.schema import Strict

STAGES = ("acute", "subacute", "chronic", "mixed")
LAYER_MM = 1.5  # half the height over which layers pass into each other
LAYER_RIPPLE_MM = 1.5
PATCH_EDGE = 1.0  # width of the edge of a patch, in SD of the noise that shapes it: clots dissolve from outside
SWIRL_EDGE = 0.35
PATCH_FINENESS, SWIRL_FINENESS = 0.9, 1.7  # over that of the texture
WARP = 0.55  # how far noise bends the coordinates of swirls, in units of their scale: it winds them
SWIRL_FROM = 0.35  # SD of the noise above which blood is unclotted: about a third of the hematoma

Stage = Literal["acute", "subacute", "chronic", "mixed"]


def known_stages(stage: Choice) -> Choice:
    """Refuse names that are no stages; for validators of recipes."""
    return stage.among(STAGES, "stage")


class BloodRecipe(LesionRecipe):
    """What recipes say of the blood of any hematoma."""

    stage: Choice = Choice(choice={"acute": 1.0})
    core_hu: Number
    subacute_hu: Number = Uniform(uniform=(30.0, 44.0))
    chronic_hu: Number = Uniform(uniform=(14.0, 28.0))
    layered: Number = 0.5
    texture_hu: Number = Uniform(uniform=(1.0, 3.0))
    swirl: Number = 0.0
    swirl_hu: Number = Uniform(uniform=(-18.0, -8.0))

    _known_stages = field_validator("stage")(known_stages)


class Blood(Strict):
    """The drawn inside of one hematoma.

    `core_hu` is the density of the blood, of its fresh part if it is mixed; `old_hu` that of the old part; `swirl_hu`
    is what swirls add (0: there are none). Layers part at the plane y = `layer_mm` of scanner space, which
    :func:`settle` resolves.
    """

    core_hu: float
    old_hu: float
    texture_hu: float
    swirl_hu: float
    mixture: Literal["none", "layers", "patches"]
    share: float
    layer_mm: float
    seed: int


class Hematoma(Lesion):
    """Base of the lesions that are made of blood."""

    stage: Stage
    blood: Blood


def draw_blood(rng: np.random.Generator, recipe: BloodRecipe, stages: Choice | None = None) -> tuple[Stage, Blood]:
    """Draw the stage of a hematoma (from `stages`, or the recipe's) and what goes with it."""
    stage: Stage = (stages or recipe.stage).draw(rng)  # type: ignore[assignment]  # checked by the recipe
    fresh, subacute, old = draw(rng, recipe.core_hu), draw(rng, recipe.subacute_hu), draw(rng, recipe.chronic_hu)
    layered, swirls = rng.uniform() < draw(rng, recipe.layered), rng.uniform() < draw(rng, recipe.swirl)
    swirl_hu = draw(rng, recipe.swirl_hu)
    share = round(float(rng.uniform(0.3, 0.7)), DIGITS)
    blood = Blood(
        core_hu={"acute": fresh, "subacute": subacute, "chronic": old, "mixed": fresh}[stage],
        old_hu=old,
        texture_hu=draw(rng, recipe.texture_hu),
        swirl_hu=swirl_hu if swirls and stage == "acute" else 0.0,
        mixture=("layers" if layered else "patches") if stage == "mixed" else "none",
        share=share,
        layer_mm=0.0,
        seed=subseed(rng),
    )
    return stage, blood


def settle(blood: Blood, heights: Values, volumes: Values | None = None) -> Blood:
    """Find the plane in front of which the old blood stands.

    Parameters
    ----------
    blood
        As drawn.
    heights
        y (mm) of points inside the hematoma, ``[n]``.
    volumes
        What each stands for (mm3); None: all alike.
    """
    if blood.mixture != "layers" or not len(heights):
        return blood
    order = np.argsort(heights, kind="stable")
    total = np.cumsum(np.ones(len(heights)) if volumes is None else volumes[order], dtype=np.float64)
    index = min(int(np.searchsorted(total, blood.share * total[-1])), len(order) - 1)
    return blood.model_copy(update={"layer_mm": round(float(heights[order[index]]), DIGITS)})


def density(
    blood: Blood, centre: tuple[float, float, float], points: torch.Tensor, scale_mm: float, core: torch.Tensor
) -> torch.Tensor:
    """Hounsfield units of the blood at points ``[..., 3]`` (z, y, x; mm) where `core` ``[...]`` is above 0.

    Elsewhere they say nothing. `scale_mm` is the size of the clots.
    """
    if points.device.type != "cpu":
        return density_on_device(blood, centre, points, scale_mm)
    kind, added, begin, edge, fineness = _inside(blood)
    found = np.empty(points.shape[:-1], np.float32)
    blood_density(
        noise_values(blood.seed)[0], EXTENT, NOISE_PLACES[1], centre, scale_mm, kind,
        (blood.core_hu, blood.texture_hu, added),
        (blood.layer_mm, LAYER_RIPPLE_MM, LAYER_MM) if kind == LAYERS else (begin, edge, 0.0),
        (fineness, WARP), flat_values(core), flat(points), found.reshape(-1),
    )  # fmt: skip
    return torch.from_numpy(found)


def density_on_device(
    blood: Blood, centre: tuple[float, float, float], points: torch.Tensor, scale_mm: float
) -> torch.Tensor:
    """Do what :func:`xaigt.compiled.blood.blood_density` does, for any device and at every point."""
    kind, added, begin, edge, fineness = _inside(blood)
    noise = shape_noise(blood.seed, points.device)
    relative = torch.stack([(points[..., i] - centre[i]) / scale_mm for i in range(3)], -1)
    texture = noise(folded(relative))[0]
    level = blood.core_hu + blood.texture_hu * texture
    if kind == LAYERS:
        height = blood.layer_mm + LAYER_RIPPLE_MM * texture - points[..., 1]
        return level + (1 - torch.clamp(0.5 + height / (2 * LAYER_MM), 0, 1)) * added
    if kind == PLAIN:
        return level
    wound = noise(folded(fineness * relative[..., [2, 0, 1]] + WARP * texture[..., None] + 1.0))[0]
    return level + torch.clamp((wound - begin) / edge + (0.5 if kind == PATCHES else 0.0), 0, 1) * added


def _inside(blood: Blood) -> tuple[int, float, float, float, float]:
    """What a hematoma shows beside its texture, what that adds, and where in the noise, how wide and how fine it is."""
    kind = {"layers": LAYERS, "patches": PATCHES}.get(blood.mixture, SWIRLS if blood.swirl_hu else PLAIN)
    if kind == PATCHES:
        # The noise has about unit variance: its quantile is that of a normal.
        begin = float(torch.special.ndtri(torch.tensor(blood.share, dtype=torch.float64)))
        return kind, blood.old_hu - blood.core_hu, begin, PATCH_EDGE, PATCH_FINENESS
    return (
        kind,
        blood.swirl_hu if kind == SWIRLS else blood.old_hu - blood.core_hu,
        SWIRL_FROM,
        SWIRL_EDGE,
        SWIRL_FINENESS,
    )


def folded(position: torch.Tensor) -> torch.Tensor:
    """Mirror positions into the lattice of :func:`~xaigt.lesions.noise.shape_noise`, so that it has no end."""
    return EXTENT - (torch.remainder(position + EXTENT, 4 * EXTENT) - 2 * EXTENT).abs()
