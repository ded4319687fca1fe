"""Tasks: which class a sample has, and which of its lesions are planted to make it so.

Every sample draws the same lesions whatever its class; the class decides only which of them are planted. So place,
size and slice say nothing of the class. Shape and rule tasks also say which lesions the class-swapped twin has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaigt.distributions import draw_count
from xaigt.lesions import Streams
from xaigt.randomness import draw_some, permuted_block
from xaigt.synthesis.classes import counted
from xaigt.synthesis.recipe import LesionGroup, Recipe
from xaigt.synthesis.rules import parse

SWAPPING = ("shape", "rule")
"""Tasks whose samples have a class-swapped twin."""


@dataclass(frozen=True)
class Wanted:
    """One lesion to be drawn.

    Attributes
    ----------
    group
        Its number among the recipe's groups.
    instance
        Its number in the group.
    planted, swapped
        Whether it is in the image, and in the class-swapped twin.
    side
        Side that it must lie on, if the task is that.
    """

    group: int
    instance: int
    planted: bool
    swapped: bool
    side: str | None = None


def label_of(recipe: Recipe, seed: int, sample: int) -> int:
    """Class of a sample: every block of as many samples as there are classes has each once.

    For the task subtype this is no class but a number that keeps blocks together; the labels follow from what is seen.
    """
    return permuted_block(seed, sample, "class", len(recipe.class_names))


def evidence_of(recipe: Recipe, label: int, streams: Streams) -> list[list[Wanted]]:
    """Lesions with the role lesion that a sample draws; those of one list share a place (task shape: both classes)."""
    numbers = [number for number, group in enumerate(recipe.lesions) if group.role == "lesion"]
    if recipe.task == "shape":
        return _shapes(recipe, label, streams, numbers)
    if recipe.task == "count":
        return _counted(recipe, label, streams, numbers)
    if recipe.task == "rule":
        return _ruled(recipe, label, streams, numbers)
    planted = recipe.task != "presence" or label == 1
    side = ("left", "right")[label] if recipe.task == "side" else None
    chosen = _chosen(recipe, streams, numbers)
    found = [
        [Wanted(number, instance, planted, False, side)]
        for number in chosen
        for instance in range(count_of(recipe.lesions[number], number, streams))
    ]
    # Without any, one is drawn and left out: the slice goes through it as through others.
    return found or [[Wanted(_any(recipe, streams, chosen or numbers), 0, False, False, side)]]


def _counted(recipe: Recipe, label: int, streams: Streams, numbers: list[int]) -> list[list[Wanted]]:
    low, high = counted(recipe)
    if len(numbers) == 1:
        return [[Wanted(numbers[0], i, i < low + label, False)] for i in range(high)]
    # As many different groups as the largest class has, in random order: the first of them are planted.
    chosen = _some(recipe, streams("families"), numbers, high)
    return [[Wanted(number, 0, i < low + label, False)] for i, number in enumerate(chosen)]


def _some(recipe: Recipe, rng: np.random.Generator, numbers: list[int], count: int) -> list[int]:
    """Return some of the groups, drawn by their weights."""
    return [numbers[place] for place in draw_some(rng, [recipe.lesions[number].weight for number in numbers], count)]


def count_of(group: LesionGroup, number: int, streams: Streams) -> int:
    """Draw how many lesions of a group a sample has."""
    return group.count if isinstance(group.count, int) else group.count.draw(streams(f"count-{number}"))


def _shapes(recipe: Recipe, label: int, streams: Streams, numbers: list[int]) -> list[list[Wanted]]:
    by_label = {recipe.lesions[number].label: number for number in numbers}
    count = draw_count(streams("count-shared"), recipe.lesions[numbers[0]].count)
    return [
        [Wanted(by_label[label], i, True, False), Wanted(by_label[1 - label], i, False, True)] for i in range(count)
    ]


def _ruled(recipe: Recipe, label: int, streams: Streams, numbers: list[int]) -> list[list[Wanted]]:
    rule = parse(str(recipe.rule))
    cases = rule.cases(bool(label))
    present = cases[int(streams("rule").integers(len(cases)))]
    # The class-swapped twin differs in as few groups as turn the class: mostly in one that is added or taken away.
    other = min(reversed(rule.cases(not label)), key=lambda case: sum(case[name] != present[name] for name in case))
    found = []
    for number in numbers:
        group = recipe.lesions[number]
        for instance in range(count_of(group, number, streams)):
            found.append([Wanted(number, instance, present[group.title], other[group.title])])
    return found


def _chosen(recipe: Recipe, streams: Streams, candidates: list[int]) -> list[int]:
    """Numbers of the groups that make the class of a sample: `choose` of them, or all."""
    if recipe.choose is None:
        return candidates
    chooser = streams("families")
    count = draw_count(chooser, recipe.choose)
    chosen = _some(recipe, chooser, candidates, count)
    return sorted(chosen) if recipe.task != "subtype" else chosen  # subtype: the slice is through any of them


def _any(recipe: Recipe, streams: Streams, candidates: list[int]) -> int:
    """Return one of some groups, by their weights."""
    return _some(recipe, streams("families-none"), candidates, 1)[0]


def other_groups(recipe: Recipe) -> list[tuple[int, LesionGroup]]:
    """Groups of distractors and confounders, with their numbers."""
    return [(number, group) for number, group in enumerate(recipe.lesions) if group.role != "lesion"]
