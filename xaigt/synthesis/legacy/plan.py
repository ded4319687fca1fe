"""Every decision about one image of the published data, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xaigt.anatomy.fields import load_fields
from xaigt.errors import XaigtError
from xaigt.schema import Strict
from xaigt.synthesis.legacy import bank
from xaigt.synthesis.legacy.backgrounds import Background, draw_background, slice_of
from xaigt.synthesis.legacy.draws import Head, draw_head, draw_places
from xaigt.synthesis.legacy.matching import matched_templates
from xaigt.synthesis.legacy.recipe import Defects, LegacyRecipe
from xaigt.synthesis.splits import split_of

FINAL_TEST, MODEL_SELECTION = 8539, 2500
"""Images of the final test as published, and how many of them lie on slices of the model selection."""
_PARTS = {"train": (0, 1, 2), "val": (3,), "test": (4,)}  # of five templates in a row, where splits share none

Image = npt.NDArray[np.float64]


class LegacyLesion(Strict):
    """One lesion: which template of its class, and of the other class for the class-swapped twin, lies where.

    `row` and `column` are of the upper left pixel of the template's rectangle in the 270 x 270 frame; `rank` is what
    the generator gave: the number of the drawn pixel among the brain's; `candidates`: pixels drawn until it fitted.
    """

    template: int
    row: int
    column: int
    swapped_template: int
    swapped_row: int
    swapped_column: int
    rank: int
    candidates: int


class LegacyPlan(Strict):
    """What provenance keeps of one image, and rendering reads."""

    sample: int
    seed: int
    split: str
    image_seed: int
    label: int
    background: Background
    lesions: tuple[LegacyLesion, ...]


def draw_plan(recipe: LegacyRecipe, seed: int, sample: int, shares: Mapping[str, float]) -> LegacyPlan:
    """Draw one image; it depends on nothing but these four arguments.

    Parameters
    ----------
    recipe
        With its defects.
    seed
        Of backgrounds and splits; lesions and classes hang on the base of the split alone, as published.
    sample
        Number in the whole dataset. Image i of a split is the i-th sample that falls into it.
    shares
        Share of each split.
    """
    defects = recipe.defects
    split, rank = rank_in_split(seed, sample, shares)
    image_seed = getattr(recipe.base, split) + rank
    pool = pool_of(split, defects)
    head = draw_head(image_seed, len(pool))
    own, other = (_templates(defects)[label] for label in (head.label, 1 - head.label))
    numbers, swapped = (_chosen(head, label, pool, defects) for label in (head.label, 1 - head.label))
    background = draw_background(recipe, seed, _slice_number(recipe, seed, sample, split, rank, shares))
    frame = recipe.grid.source(load_fields(recipe.templates[0]).centre)
    brain = slice_of(background, frame) > 0
    rng = np.random.RandomState(image_seed) if defects.coupled_random_numbers else head.rng
    shapes = [own[number].shape for number in numbers]
    if not defects.unequal_boxes:
        shapes = [(_largest_side(), _largest_side())] * head.count
    whole = defects.visible_boxes or not defects.unequal_boxes
    taken = [np.ones(shape, bool) if whole else own[number] > 0 for shape, number in zip(shapes, numbers, strict=True)]
    lesions = []
    for place, shape, number, twin in zip(draw_places(rng, brain, shapes, taken), shapes, numbers, swapped, strict=True):
        row, column = _centred(place.row, place.column, shape, own[number])
        swapped_row, swapped_column = _centred(place.row, place.column, shape, other[twin])
        lesions.append(
            LegacyLesion(
                template=number,
                row=row,
                column=column,
                swapped_template=twin,
                swapped_row=swapped_row,
                swapped_column=swapped_column,
                rank=place.rank,
                candidates=place.candidates,
            )
        )
    return LegacyPlan(
        sample=sample,
        seed=seed,
        split=split,
        image_seed=image_seed,
        label=head.label,
        background=background,
        lesions=tuple(lesions),
    )


def template_pixels(defects: Defects, label: int, number: int) -> Image:
    """Return the lesion of a class that has a number, as it is laid into images."""
    return _templates(defects)[label][number]


def pool_of(split: str, defects: Defects) -> tuple[int, ...]:
    """Numbers of the templates, of each class alike, that a split may use."""
    if defects.reused_templates:
        return tuple(range(bank.USED))
    return tuple(number for number in range(bank.HARVESTED) if number % 5 in _PARTS[split])


def check_splits(shares: Mapping[str, float]) -> None:
    """Refuse splits that the published data does not have.

    Raises
    ------
    XaigtError
        Naming those it has.
    """
    if unknown := sorted(set(shares) - set(_PARTS)):
        raise XaigtError(
            f"the published data has the splits {', '.join(_PARTS)}, each with a base of its own; {unknown[0]!r} is none."
        )


def rank_in_split(seed: int, sample: int, shares: Mapping[str, float]) -> tuple[str, int]:
    """Split of a sample, and how many samples before it fell into the same split."""
    done = 256
    while done <= sample:
        done *= 2
    return _ranks(seed, tuple(shares.items()), done)[sample]


@lru_cache(maxsize=8)
def _ranks(seed: int, shares: tuple[tuple[str, float], ...], count: int) -> list[tuple[str, int]]:
    seen: dict[str, int] = {}
    ranks = []
    for sample in range(count):
        split = split_of(seed, sample, dict(shares), 1)
        ranks.append((split, seen.get(split, 0)))
        seen[split] = seen.get(split, 0) + 1
    return ranks


def _slice_number(
    recipe: LegacyRecipe, seed: int, sample: int, split: str, rank: int, shares: Mapping[str, float]
) -> int:
    """Number of the background: the sample's own, or that of an earlier sample of the model selection."""
    turn = (rank + 1) * MODEL_SELECTION // FINAL_TEST > rank * MODEL_SELECTION // FINAL_TEST
    if not (recipe.defects.overlapping_backgrounds and split == "test" and turn):
        return sample
    selection = [other for other in range(sample) if rank_in_split(seed, other, shares)[0] == "val"]
    return selection[rank * MODEL_SELECTION // FINAL_TEST % len(selection)] if selection else sample


def _chosen(head: Head, label: int, pool: tuple[int, ...], defects: Defects) -> list[int]:
    if defects.reused_templates and label == bank.ROUND:
        return list(pool[: head.count])  # the published code shuffles another list
    return [pool[place] for place in head.order[: head.count]]


def _templates(defects: Defects) -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    return bank.templates() if defects.unmatched_area else matched_templates()


@lru_cache(maxsize=1)
def _largest_side() -> int:
    return max(max(template.shape) for kind in bank.templates() for template in kind)


def _centred(row: int, column: int, rectangle: tuple[int, ...], template: Image) -> tuple[int, int]:
    """Upper left pixel of a template in the middle of a rectangle; both have even sides."""
    return row + (rectangle[0] - template.shape[0]) // 2, column + (rectangle[1] - template.shape[1]) // 2
