"""Which template a sample has, and which split it belongs to: by sample, by person, or by template."""

from __future__ import annotations

from collections.abc import Mapping

from xaigt.anatomy.cards import load_card
from xaigt.errors import XaigtError
from xaigt.randomness import stream, unit_hash
from xaigt.synthesis.recipe import Recipe


def template_of(recipe: Recipe, seed: int, sample: int) -> str:
    """Template of a sample.

    Where splits are disjoint by person or template, the samples of a block that has each class once share their
    template: the block is then never torn apart, and classes are balanced in every split.
    """
    if len(recipe.templates) == 1:
        return recipe.templates[0]
    if recipe.disjoint == "sample":
        rng = stream(seed, sample, "template")
    else:
        rng = stream(seed, sample // len(recipe.class_names), "template-block")
    return recipe.templates[int(rng.integers(len(recipe.templates)))]


def split_of_sample(recipe: Recipe, seed: int, sample: int, template: str, shares: Mapping[str, float]) -> str:
    """Split of a sample, as the recipe's `disjoint` asks."""
    if recipe.disjoint == "sample":
        return split_of(seed, sample, shares, len(recipe.class_names))
    return groups(recipe, seed, shares)[template]


def split_of(seed: int, sample: int, shares: Mapping[str, float], classes: int = 2) -> str:
    """Split of a sample: a hash, so it never depends on how many samples there are.

    What is hashed is the block of samples that has each class once: a block is never torn apart, so the classes
    are balanced in every split too.
    """
    position = unit_hash(seed, sample // classes, "split")
    total = 0.0
    for name, share in shares.items():
        total += share
        if position < total:
            return name
    return next(reversed(list(shares)))


def groups(recipe: Recipe, seed: int, shares: Mapping[str, float]) -> dict[str, str]:
    """Split of every template of a recipe whose splits are disjoint by person or template; else nothing.

    Persons (or templates) are shuffled by the seed and dealt out so that their numbers follow the shares as closely
    as they can, at least one to each split that is to have any.

    Raises
    ------
    XaigtError
        If there are fewer of them than splits.
    """
    if recipe.disjoint == "sample":
        return {}
    owner = {name: name for name in recipe.templates}
    if recipe.disjoint == "subject":
        owner = {name: load_card(name).person or name for name in recipe.templates}
    owners = sorted(set(owner.values()))
    wanted = {name: share for name, share in shares.items() if share > 0}
    if len(owners) < len(wanted):
        raise XaigtError(
            f"recipe {recipe.name}, field disjoint: splits cannot be disjoint by {recipe.disjoint}: there are "
            f"{len(wanted)} splits ({', '.join(wanted)}), but only {len(owners)} ({', '.join(owners)}). "
            "Name more templates, or fewer splits."
        )
    counts = dict.fromkeys(wanted, 1)
    for _ in range(len(owners) - len(wanted)):
        short = max(wanted, key=lambda name: wanted[name] * len(owners) - counts[name])
        counts[short] += 1
    order = stream(seed, 0, "split-groups").permutation(len(owners))
    dealt = [name for name in wanted for _ in range(counts[name])]
    split = {owners[index]: name for index, name in zip(order, dealt, strict=True)}
    return {name: split[owner[name]] for name in recipe.templates}
