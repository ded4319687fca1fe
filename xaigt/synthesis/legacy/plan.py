"""Every decision about one image of the published data, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from xaigt.anatomy.fields import load_fields
from xaigt.distributions import DIGITS
from xaigt.lesions import Lesion
from xaigt.schema import Strict
from xaigt.synthesis.legacy import bank
from xaigt.synthesis.legacy.backgrounds import Background, draw_background, slice_of
from xaigt.synthesis.legacy.blend import SOURCE, STORED
from xaigt.synthesis.legacy.draws import Head, Place, draw_head, draw_places
from xaigt.synthesis.legacy.matching import SERIES, matched_area, matched_templates, stored_area
from xaigt.synthesis.legacy.recipe import Defects, LegacyRecipe
from xaigt.synthesis.splits import split_of
from xaigt.volume import Grid

FINAL_TEST, MODEL_SELECTION = 8539, 2500
"""Images of the final test as published, and how many of them lie on slices of the model selection."""
_PARTS = {"train": (0, 1, 2), "val": (3,), "test": (4,)}  # of five templates in a row, where splits share none

Image = npt.NDArray[np.float64]


class Blob(Lesion):
    """A template of the bank and where it lies.

    `row` and `column` are of the upper left pixel of its rectangle in the 270 x 270 frame, `centre_mm` is of the
    rectangle's middle; `volume_mm3` is that of the truth in the stored image, on average. `drawn_index` is what the
    generator gave: numbers of pixels of the brain in reading order, each a candidate for the upper left pixel of what
    is placed; the last one fitted.
    """

    template: int
    row: int
    column: int
    drawn_index: tuple[int, ...]


class PlannedBlob(Strict):
    """A lesion, and whether it is in the image or in the class-swapped twin."""

    role: Literal["lesion"] = "lesion"
    group: str
    planted: bool
    swapped: bool
    lesion: Blob


class LegacyPlan(Background):
    """What provenance keeps of one image, and rendering reads: its background, and its lesions."""

    sample: int
    seed: int
    split: str
    image_seed: int
    label: int
    lesions: tuple[PlannedBlob, ...]

    @property
    def ground(self) -> Background:
        """The background alone."""
        return Background(**{name: getattr(self, name) for name in Background.model_fields})


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
    own, other = (_chosen(head, label, pool, defects) for label in (head.label, 1 - head.label))
    background = draw_background(recipe, seed, _slice_number(recipe, seed, sample, split, rank, shares))
    frame = recipe.grid.source(load_fields(background.template).centre).at(background.slice_mm)
    rectangles = [_rectangle(template_pixels(defects, head.label, number), defects) for number in own]
    whole = defects.visible_boxes or not defects.unequal_boxes
    taken = [
        np.ones(rectangle, bool) if whole else template_pixels(defects, head.label, number) > 0
        for rectangle, number in zip(rectangles, own, strict=True)
    ]
    rng = np.random.RandomState(image_seed) if defects.coupled_random_numbers else head.rng
    places = draw_places(rng, slice_of(background, frame) > 0, rectangles, taken)
    lesions = [
        PlannedBlob(
            group=recipe.classes[label],
            planted=label == head.label,
            swapped=label != head.label,
            lesion=_blob(
                template_pixels(defects, label, number),
                number,
                _area(not defects.unmatched_area, label, number),
                place,
                rectangle,
                frame,
            ),
        )
        for label, numbers in ((head.label, own), (1 - head.label, other))
        for number, place, rectangle in zip(numbers, places, rectangles, strict=True)
    ]
    return LegacyPlan(
        **dict(background),
        sample=sample,
        seed=seed,
        split=split,
        image_seed=image_seed,
        label=head.label,
        lesions=tuple(lesions),
    )


def _rectangle(template: Image, defects: Defects) -> tuple[int, int]:
    """(rows, columns) that a place is drawn for."""
    if defects.unequal_boxes:
        return template.shape[0], template.shape[1]
    return _largest_side(), _largest_side()


def _blob(template: Image, number: int, area: float, place: Place, rectangle: tuple[int, int], frame: Grid) -> Blob:
    """Put a template into the middle of a rectangle (all their sides are even)."""
    rows, columns = template.shape
    row, column = place.row + (rectangle[0] - rows) // 2, place.column + (rectangle[1] - columns) // 2
    x, y, z, _ = frame.affine @ np.array([0, row + (rows - 1) / 2, column + (columns - 1) / 2, 1])
    area_mm2 = area * (frame.spacing[1] * SOURCE / STORED) ** 2
    return Blob(
        family="bank-blob",
        centre_mm=(round(float(z), DIGITS), round(float(y), DIGITS), round(float(x), DIGITS)),
        radius_mm=round(math.sqrt(area_mm2 / math.pi), DIGITS),
        volume_mm3=round(area_mm2 * frame.thickness, DIGITS),
        z_range_mm=(round(float(z), DIGITS), round(float(z), DIGITS)),
        template=number,
        row=row,
        column=column,
        drawn_index=place.drawn,
    )


@lru_cache(maxsize=4 * bank.HARVESTED)
def _area(matched: bool, label: int, number: int) -> float:
    return matched_area() if matched else stored_area(bank.templates()[label][number] > 0)


def template_pixels(defects: Defects, label: int, number: int) -> Image:
    """Return the lesion of a class that has a number, as it is laid into images."""
    return _templates(defects)[label][number]


def pool_of(split: str, defects: Defects) -> tuple[int, ...]:
    """Numbers of the templates, of each class alike, that a split may use."""
    if defects.reused_templates:
        return tuple(range(bank.USED))
    return tuple(number for number in range(bank.HARVESTED) if number % SERIES in _PARTS[split])


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
