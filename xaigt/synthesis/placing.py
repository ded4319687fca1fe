"""Placing: the lesions of one sample, each drawn again until it fits to those before it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from pydantic import SerializeAsAny, field_validator

from xaigt.anatomy.world import Anatomy
from xaigt.errors import XaigtError
from xaigt.lesions import DrawError, Lesion, Streams, family
from xaigt.schema import Strict
from xaigt.synthesis.effects import with_correlation
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.tasks import Wanted, count_of, evidence_of, other_groups

TRIES = 40  # at one lesion, the others being where they are
TRIES_IN_SLICE = 400  # most families know nothing of the slice: nine of ten lesions may lie elsewhere
_NEAR_MM = 1e-3  # heights are rounded to a tenth of it
MIDLINE_MM = 5.0  # a lesion of one side has its centre at least so far from the midline


class NoPlaceError(XaigtError):
    """A lesion found no place among those drawn before it: had they been drawn otherwise, it might."""


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


def place_lesions(recipe: Recipe, label: int, fixed: Streams, rng: Streams, anatomy: Anatomy) -> list[PlannedLesion]:
    """Draw distractors and confounders first, then what makes the class, each clear of what came before it.

    Parameters
    ----------
    recipe, label
        What is asked for, and the class.
    fixed
        Streams of which lesions there are: drawn once a sample, so that what is easily placed is no more frequent.
    rng
        Streams of the lesions themselves, and of where they lie.
    anatomy
        In whom.

    Raises
    ------
    NoPlaceError
        If one finds no place beside the others.
    DrawError
        If nothing that was drawn for one can be made, wherever the others lie.
    """
    found: list[PlannedLesion] = []
    last = len(recipe.class_names) - 1
    for number, group in other_groups(recipe):
        there = group.role == "distractor" or with_correlation(
            fixed(f"confounder-{number}"), group.correlation, label == last
        )
        for instance in range(count_of(group, number, fixed)):
            found += _place(recipe, [Wanted(number, instance, there, there)], rng, anatomy, found)
    for together in evidence_of(recipe, label, fixed):
        found += _place(recipe, together, rng, anatomy, found)
    return found


def _place(
    recipe: Recipe, together: list[Wanted], rng: Streams, anatomy: Anatomy, earlier: list[PlannedLesion]
) -> list[PlannedLesion]:
    """Draw one lesion (or, at one place, one of each class); again, from fresh streams, where there is no room."""
    failures = []
    tries = TRIES if _slice(recipe, anatomy) is None else TRIES_IN_SLICE
    for attempt in range(tries):
        drawn = []
        for wanted in together:
            group = recipe.lesions[wanted.group]
            streams = partial(_stream, rng, wanted, len(together) > 1, attempt)
            try:
                lesion = family(group.family).draw(streams, group.recipe(), anatomy)
            except DrawError as error:
                failures.append(error)
                break
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
    if len(failures) == tries:
        raise failures[-1]
    group = recipe.lesions[together[0].group]
    raise NoPlaceError(
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
        x = float(anatomy.locate(np.asarray(lesion.centre_mm))[2])
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
