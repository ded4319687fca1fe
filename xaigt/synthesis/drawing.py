"""Drawing: every decision about one sample, before any voxel is computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.distributions import DIGITS, draw
from xaigt.errors import XaigtError
from xaigt.lesions import Streams
from xaigt.randomness import stream
from xaigt.synthesis.acquisition import draw_acquisition
from xaigt.synthesis.effects import draw_effects
from xaigt.synthesis.mass import draw_strength
from xaigt.synthesis.placing import NoPlaceError, place_lesions
from xaigt.synthesis.plan import Plan, sampling_grid
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.splits import template_of
from xaigt.synthesis.tasks import label_of
from xaigt.synthesis.visible import seen

TRIES = 20  # at all lesions of a sample together


def draw_plan(recipe: Recipe, seed: int, sample: int) -> Plan:
    """Draw one sample of a recipe; it depends on nothing but these three arguments.

    Lesions that leave no room for each other are all drawn again, with another slice where that is drawn before them;
    which and how many they are stays. Where the recipe has lesions that cannot be seen drawn again, samples of every
    class go through that selection, with their lesions planted for the purpose: else place and density would tell the
    class.

    Raises
    ------
    XaigtError
        If the recipe asks for what cannot be: no draw finds room, or none can be seen.
    """
    crowded: NoPlaceError | None = None
    for attempt in range(TRIES):
        try:
            plan = _drawn(recipe, seed, sample, attempt)
        except NoPlaceError as error:
            crowded = error
            continue
        if recipe.visibility.invisible != "redraw" or seen(plan, recipe, sampling_grid(recipe, plan.slice_mm)):
            return plan
    raise crowded or XaigtError(
        f"recipe {recipe.name}: sample {sample} had no visible lesions in {TRIES} tries; lower visibility.minimum_cnr "
        f"({recipe.visibility.minimum_cnr:g}) or raise the contrast of its lesions."
    )


def _drawn(recipe: Recipe, seed: int, sample: int, attempt: int) -> Plan:
    def rng(purpose: str) -> np.random.Generator:
        return stream(seed, sample, purpose)

    def again(purpose: str) -> np.random.Generator:
        return rng(f"{purpose}-redraw{attempt}" if attempt else purpose)

    label = label_of(recipe, seed, sample)
    template = template_of(recipe, seed, sample)
    fields = load_fields(template)
    own = recipe.modality != "CT" or recipe.subject.levels == "template"
    subject = draw_subject(rng("subject"), recipe.subject, fields.levels if own else None)
    # Decisions are made on the CPU, whatever renders the images: they must not depend on the device.
    anatomy = Anatomy.of(fields, subject, torch.device("cpu"))
    slice_mm = _early_slice(recipe, again, anatomy)
    if recipe.grid.dim == 3 or slice_mm is not None:
        anatomy = replace(anatomy, grid=sampling_grid(recipe, slice_mm))
    lesions = place_lesions(recipe, label, rng, again, anatomy)
    first = next((item.lesion for item in lesions if item.role == "lesion"), None)
    if recipe.grid.dim == 2 and slice_mm is None:
        low, high = first.z_range_mm if first is not None else (0.0, 0.0)
        slice_mm = round(low + again("slice").uniform() * (high - low), DIGITS)
    last = len(recipe.class_names) - 1
    return Plan(
        sample=sample,
        seed=seed,
        label=label,
        template=template,
        fields=fields.key,
        subject=subject,
        lesions=tuple(lesions),
        slice_mm=slice_mm,
        effects=draw_effects(rng, recipe.effects, label, last, first.centre_mm if first else fields.centre[::-1]),
        contrast_to_noise=recipe.contrast_to_noise,
        acquisition=draw_acquisition(recipe.acquisition, rng, rician=recipe.rician),
        mass_effect=draw_strength(rng, recipe.mass_effect),
    )


def _early_slice(recipe: Recipe, rng: Streams, anatomy: Anatomy) -> float | None:
    """Height of a slice that is drawn before its lesions; None if they decide it, or there is none."""
    if recipe.grid.dim == 3 or recipe.slice_mm is None:
        return None
    x, y, _ = anatomy.fields.centre
    return round(anatomy.to_scanner((draw(rng("slice"), recipe.slice_mm), y, x))[0], DIGITS)
