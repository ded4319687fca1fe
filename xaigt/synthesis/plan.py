"""Drawing: every decision about one sample, as plain numbers, before any voxel is computed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from pydantic import SerializeAsAny, field_validator

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import Subject, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.distributions import DIGITS, draw, draw_count
from xaigt.errors import XaigtError
from xaigt.lesions import Lesion, Streams, family
from xaigt.randomness import stream, subseed
from xaigt.schema import Strict
from xaigt.synthesis.effects import Effect, draw_effects, with_correlation
from xaigt.synthesis.mass import draw_strength
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.splits import template_of
from xaigt.synthesis.tasks import Wanted, evidence_of, label_of, other_groups
from xaigt.volume import Grid

TRIES = 40
TRIES_IN_SLICE = 400  # most families know nothing of the slice: nine of ten lesions may lie elsewhere
_NEAR_MM = 1e-3  # heights are rounded to a tenth of it
MIDLINE_MM = 5.0  # a lesion of one side has its centre at least so far from the midline


class Acquisition(Strict):
    """The drawn numbers of one acquisition."""

    noise_hu: float
    noise_fwhm_mm: float
    noise_seed: int
    beam_hu: float = 0.0
    beam_phase: float = 0.0
    rim_hu: float = 0.0


class PlannedLesion(Strict):
    """A lesion, and whether it is planted: negatives draw theirs too, so that slices and places match.

    `swapped` says whether the class-swapped twin has it.
    """

    role: str
    group: str
    planted: bool
    swapped: bool
    lesion: SerializeAsAny[Lesion]

    @field_validator("lesion", mode="before")
    @classmethod
    def _of_its_family(cls, value: Any) -> Any:
        return family(value["family"]).lesion.model_validate(value) if isinstance(value, dict) else value


class Plan(Strict):
    """Everything that makes one sample: what provenance keeps and regeneration reads.

    `slice_mm` is the height of the slice of a 2-D sample (scanner space), else None.
    """

    sample: int
    seed: int
    label: int
    template: str
    fields: str
    subject: Subject
    lesions: tuple[PlannedLesion, ...]
    slice_mm: float | None
    effects: tuple[Effect, ...]
    contrast_to_noise: float | None
    acquisition: Acquisition
    mass_effect: float = 0.0


def draw_plan(recipe: Recipe, seed: int, sample: int) -> Plan:
    """Draw one sample of a recipe; it depends on nothing but these three arguments.

    Where the recipe has lesions that cannot be seen drawn again, samples of every class go through that selection,
    with their lesions planted for the purpose: else place and density would tell the class.
    """
    from xaigt.synthesis.visible import seen  # it renders, and rendering reads plans

    for attempt in range(TRIES):
        plan = _drawn(recipe, seed, sample, attempt)
        if recipe.visibility.invisible != "redraw" or seen(plan, recipe, sampling_grid(recipe, plan.slice_mm)):
            return plan
    raise XaigtError(
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
    lesions = _draw_lesions(recipe, label, again, anatomy)
    first = next(item.lesion for item in lesions if item.role == "lesion") if lesions else None
    if recipe.grid.dim == 2 and slice_mm is None:
        low, high = first.z_range_mm if first is not None else (0.0, 0.0)
        slice_mm = round(low + again("slice").uniform() * (high - low), DIGITS)
    acquisition = Acquisition(
        noise_hu=draw(rng("acquisition"), recipe.acquisition.noise_hu),
        noise_fwhm_mm=draw(rng("acquisition-grain"), recipe.acquisition.noise_fwhm_mm),
        noise_seed=subseed(rng("noise")),
        beam_hu=draw(rng("beam"), recipe.acquisition.beam_hu),
        beam_phase=round(float(rng("beam-phase").uniform()), DIGITS),
        rim_hu=draw(rng("rim"), recipe.acquisition.rim_hu),
    )
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
        acquisition=acquisition,
        mass_effect=draw_strength(rng, recipe.mass_effect),
    )


def sampling_grid(recipe: Recipe, slice_mm: float | None = None) -> Grid:
    """Voxels of a sample of a recipe, at the height of its slice."""
    grid = recipe.grid.resolve(load_fields(recipe.templates[0]).centre)
    return grid if slice_mm is None else grid.at(slice_mm)


def _early_slice(recipe: Recipe, rng: Streams, anatomy: Anatomy) -> float | None:
    """Height of a slice that is drawn before its lesions; None if they decide it, or there is none."""
    if recipe.grid.dim == 3 or recipe.slice_mm is None:
        return None
    x, y, _ = anatomy.fields.centre
    return round(anatomy.to_scanner((draw(rng("slice"), recipe.slice_mm), y, x))[0], DIGITS)


def _draw_lesions(recipe: Recipe, label: int, rng: Streams, anatomy: Anatomy) -> list[PlannedLesion]:
    """Draw distractors and confounders first, then what makes the class, each clear of what came before it."""
    found: list[PlannedLesion] = []
    last = len(recipe.class_names) - 1
    for number, group in other_groups(recipe):
        there = group.role == "distractor" or with_correlation(
            rng(f"confounder-{number}"), group.correlation, label == last
        )
        for instance in range(draw_count(rng(f"count-{number}"), group.count)):
            found += _place(recipe, [Wanted(number, instance, there, there)], rng, anatomy, found)
    for together in evidence_of(recipe, label, rng):
        found += _place(recipe, together, rng, anatomy, found)
    return found


def _place(
    recipe: Recipe, together: list[Wanted], rng: Streams, anatomy: Anatomy, earlier: list[PlannedLesion]
) -> list[PlannedLesion]:
    """Draw one lesion (or, at one place, one of each class); again, from fresh streams, where there is no room."""
    for attempt in range(tries := TRIES if _slice(recipe, anatomy) is None else TRIES_IN_SLICE):
        drawn = []
        for wanted in together:
            group = recipe.lesions[wanted.group]
            streams = partial(_stream, rng, wanted, len(together) > 1, attempt)
            lesion = family(group.family).draw(streams, group.recipe(), anatomy)
            if not _fits(recipe, wanted, lesion, anatomy, earlier):
                break
            drawn.append((wanted, lesion))
        else:
            return [
                PlannedLesion(
                    role=recipe.lesions[wanted.group].role,
                    group=recipe.lesions[wanted.group].title,
                    planted=wanted.planted,
                    swapped=wanted.swapped,
                    lesion=lesion,
                )
                for wanted, lesion in drawn
            ]
    group = recipe.lesions[together[0].group]
    raise XaigtError(
        f"recipe {recipe.name}, group {group.title}: no place was found for a lesion in {tries} tries; "
        f"check its sites, sizes, count and gap_mm{'' if tries == TRIES else ', and slice_mm'}."
    )


def _stream(rng: Streams, wanted: Wanted, shared: bool, attempt: int, purpose: str) -> np.random.Generator:
    """Stream of one purpose of one lesion; lesions of two classes at one place share all but their shape."""
    group = "shared" if shared and purpose != "shape" else wanted.group
    name = f"{purpose}-{group}-{wanted.instance}"
    return rng(f"{name}-try{attempt}" if attempt else name)


def _slice(recipe: Recipe, anatomy: Anatomy) -> float | None:
    """Height of the slice (scanner space) where it is drawn before the lesions."""
    return anatomy.grid.centre[2] if recipe.grid.dim == 2 and anatomy.grid is not None else None


def _fits(recipe: Recipe, wanted: Wanted, lesion: Lesion, anatomy: Anatomy, earlier: list[PlannedLesion]) -> bool:
    """Whether a drawn lesion is large enough, in the slice, on its side, and clear of earlier ones."""
    group = recipe.lesions[wanted.group]
    kind = family(group.family)
    if lesion.volume_mm3 < kind.smallest_mm3:
        return False
    slice_mm = _slice(recipe, anatomy)
    low, high = lesion.z_range_mm
    if group.role == "lesion" and slice_mm is not None and not low - _NEAR_MM <= slice_mm <= high + _NEAR_MM:
        return False
    if wanted.side is not None:
        x = float(anatomy.to_template(torch.tensor([lesion.centre_mm], dtype=torch.float32))[0, 2])
        if (x if wanted.side == "right" else -x) < MIDLINE_MM:
            return False
    if group.gap_mm is None:
        return True
    reach = kind.reach(lesion) + group.gap_mm
    return all(
        np.linalg.norm(np.subtract(lesion.centre_mm, item.lesion.centre_mm))
        >= reach + family(item.lesion.family).reach(item.lesion)
        for item in earlier
    )
