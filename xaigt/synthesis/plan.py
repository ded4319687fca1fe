"""Drawing: every decision about one sample, as plain numbers, before any voxel is computed."""

from __future__ import annotations

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
from xaigt.randomness import permuted_block, stream, subseed
from xaigt.schema import Strict
from xaigt.synthesis.recipe import LesionGroup, Recipe
from xaigt.synthesis.splits import template_of

ABSENT, PRESENT = 0, 1
CLASSES = 2
SMALLEST_MM3 = 100.0  # below it a lesion is redrawn: it would be no evidence
TRIES = 20


class Acquisition(Strict):
    """The drawn numbers of one acquisition."""

    noise_hu: float
    noise_fwhm_mm: float
    noise_seed: int


class PlannedLesion(Strict):
    """A lesion, and whether it is planted: negatives draw theirs too, so that slices and places match."""

    role: str
    planted: bool
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
    acquisition: Acquisition


def draw_plan(recipe: Recipe, seed: int, sample: int) -> Plan:
    """Draw one sample of a recipe; it depends on nothing but these three arguments."""
    rng = partial(stream, seed, sample)
    label = permuted_block(seed, sample, "class", CLASSES)
    template = template_of(recipe, seed, sample)
    fields = load_fields(template)
    own = recipe.modality != "CT" or recipe.subject.levels == "template"
    subject = draw_subject(rng("subject"), recipe.subject, fields.levels if own else None)
    # Decisions are made on the CPU, whatever renders the images: they must not depend on the device.
    anatomy = Anatomy.of(fields, subject, torch.device("cpu"))
    lesions: list[PlannedLesion] = []
    for number in _chosen(rng, recipe):
        group = recipe.lesions[number]
        for instance in range(draw_count(rng(f"count-{number}"), group.count)):
            drawn = _draw_lesion(group, partial(_numbered, rng, f"{number}-{instance}"), anatomy)
            planted = label == PRESENT or group.role == "distractor"
            lesions.append(PlannedLesion(role=group.role, planted=planted, lesion=drawn))
    return Plan(
        sample=sample,
        seed=seed,
        label=label,
        template=template,
        fields=fields.key,
        subject=subject,
        lesions=tuple(lesions),
        slice_mm=_slice(rng("slice").uniform(), lesions) if recipe.grid.dim == 2 else None,
        acquisition=Acquisition(
            noise_hu=draw(rng("acquisition"), recipe.acquisition.noise_hu),
            noise_fwhm_mm=draw(rng("acquisition-grain"), recipe.acquisition.noise_fwhm_mm),
            noise_seed=subseed(rng("noise")),
        ),
    )


def _chosen(rng: Streams, recipe: Recipe) -> list[int]:
    """Numbers of the groups of lesions that a sample gets: `choose` of those that make the class, and all others."""
    if recipe.choose is None:
        return list(range(len(recipe.lesions)))
    chooser = rng("families")
    candidates = [number for number, group in enumerate(recipe.lesions) if group.role == "lesion"]
    weights = np.array([recipe.lesions[number].weight for number in candidates])
    count = draw_count(chooser, recipe.choose)
    chosen = set(chooser.choice(candidates, size=count, replace=False, p=weights / weights.sum()).tolist())
    return [number for number, group in enumerate(recipe.lesions) if number in chosen or group.role != "lesion"]


def _draw_lesion(group: LesionGroup, streams: Streams, anatomy: Anatomy) -> Lesion:
    """Draw one lesion; again, from fresh streams, where the anatomy has no room for it."""
    kind, parameters = family(group.family), group.recipe()
    for attempt in range(TRIES):
        lesion = kind.draw(partial(_numbered, streams, f"try{attempt}") if attempt else streams, parameters, anatomy)
        if lesion.volume_mm3 >= SMALLEST_MM3:
            return lesion
    raise XaigtError(
        f"family {group.family}: no place was found for a lesion of {SMALLEST_MM3} mm3 or more in {TRIES} tries; "
        "check its sites and volumes."
    )


def _numbered(rng: Streams, number: str, purpose: str) -> np.random.Generator:
    """Stream of one purpose of one lesion of the sample."""
    return rng(f"{purpose}-{number}")


def _slice(share: float, lesions: list[PlannedLesion]) -> float:
    """Height of a slice that shows the first lesion of the class well (planted or not)."""
    low, high = next(item.lesion.z_range_mm for item in lesions if item.role == "lesion")
    return round(low + share * (high - low), DIGITS)
