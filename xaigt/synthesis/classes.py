"""The classes of a recipe: their names, and what each task asks of the groups that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xaigt.distributions import Count, Integers
from xaigt.synthesis.rules import RuleError, parse

if TYPE_CHECKING:
    from xaigt.synthesis.recipe import Recipe


def bounds(count: Count) -> tuple[int, int]:
    """Smallest and largest value of a count."""
    return count.integers if isinstance(count, Integers) else (count, count)


def default_classes(recipe: Recipe) -> list[str]:
    """Names of the classes where the recipe gives none."""
    groups = recipe.evidence_groups
    if recipe.task == "subtype":
        return [group.title for group in groups]
    if recipe.task == "shape":
        return [next(group.title for group in groups if group.label == label) for label in (0, 1)]
    if recipe.task == "side":
        return ["left", "right"]
    if recipe.task == "count":
        low, high = counted(recipe)
        return [str(number) for number in range(low, high + 1)]
    if recipe.task == "rule":
        return [f"not ({recipe.rule})", str(recipe.rule)]
    return ["absent", "present"]


def counted(recipe: Recipe) -> tuple[int, int]:
    """Task count: smallest and largest number of lesions; of one group, or of groups that are chosen among several."""
    groups = recipe.evidence_groups
    return bounds(groups[0].count if len(groups) == 1 or recipe.choose is None else recipe.choose)


def _check_count(recipe: Recipe) -> None:
    groups = recipe.evidence_groups
    several = len(groups) > 1
    if several and (recipe.choose is None or any(group.count != 1 for group in groups)):
        raise ValueError(
            "the task count needs one group with the role lesion and count: {integers: [low, high]}; "
            "or several groups, each with count: 1, and choose: {integers: [low, high]}"
        )
    if not several and recipe.choose is not None:
        raise ValueError("the task count of one group decides itself how many lesions it has: choose must be null")
    low, high = counted(recipe)
    if low == high:
        field = "choose" if several else "count"
        raise ValueError(
            f"the task count needs different numbers, such as {field}: {{integers: [1, 3]}} (given: {low})"
        )
    if low < 1:
        raise ValueError("the task count needs a count of 1 or more: for 0 take the task presence")


def check_task(recipe: Recipe) -> None:
    """Refuse a recipe whose groups cannot make its task.

    Raises
    ------
    ValueError
        Saying what the task needs.
    """
    groups = recipe.evidence_groups
    if (recipe.rule is not None) != (recipe.task == "rule"):
        raise ValueError("rule goes with the task rule, and only with it")
    if recipe.task == "shape" and sorted(str(group.label) for group in groups) != ["0", "1"]:
        raise ValueError("the task shape needs two groups with the role lesion: one with label: 0, one with label: 1")
    if recipe.task == "shape" and groups[0].count != groups[1].count:
        raise ValueError("the task shape needs the same count in both groups: it must not tell the class")
    if recipe.task == "count":
        _check_count(recipe)
    if recipe.task in ("rule", "shape") and recipe.choose is not None:
        raise ValueError(f"the task {recipe.task} decides itself which lesions a sample gets: choose must be null")
    if recipe.task == "rule":
        try:
            names = parse(str(recipe.rule)).names
        except RuleError as error:
            raise ValueError(str(error)) from None
        if set(names) != {group.title for group in groups}:
            raise ValueError(f"rule speaks of {', '.join(names)}, the groups are {', '.join(g.title for g in groups)}")
    if recipe.classes is not None and len(recipe.classes) != len(default_classes(recipe)):
        raise ValueError(f"classes has {len(recipe.classes)} names, the task needs {len(default_classes(recipe))}")
    if recipe.contrast_to_noise is not None and recipe.acquisition.noise_hu == 0:
        raise ValueError("contrast_to_noise needs noise: acquisition.noise_hu is 0")
