"""Evidence: for a sample and a class, which lesions speak for it and which against it.

===========  ==============================================================================================
task         a visible lesion supports / opposes
===========  ==============================================================================================
presence     supports the class "present", opposes "absent"
subtype      supports its own subtype
shape, side  supports its own class, opposes the other
count        supports the sample's own class; opposes every smaller one
rule         by counterfactual: as taking its group away (all else as it is) would turn the class or not
===========  ==============================================================================================

What consists in an absence has no place in the image: such pairs of sample and class get a row with instance 0 that is
not localizable. A pair without any row that is localizable has no localization truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xaigt.synthesis.loading import AnyRecipe
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.rules import parse

SUPPORTS, OPPOSES, NONE = "supports", "opposes", "none"
Row = dict[str, Any]


def evidence_rows(recipe: AnyRecipe, label: int, lesions: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows of the table of evidence for one sample, for every class.

    Parameters
    ----------
    recipe
        With its task and classes.
    label
        Class of the sample.
    lesions
        Its measured lesions: role, group, instance, voxels, visible.
    """
    planted = [row for row in lesions if row["role"] == "lesion"]
    seen = [row for row in planted if row["voxels"] and row["visible"]]
    if recipe.task == "rule":
        return _by_rule(recipe, label, seen)
    rows: list[Row] = []
    for target, name in enumerate(recipe.class_names):
        if recipe.task == "subtype":
            own = [_row(target, row, SUPPORTS, "planted") for row in seen if row["group"] == name]
        elif recipe.task == "presence":
            own = [_row(target, row, SUPPORTS if target else OPPOSES, "planted") for row in seen]
        elif recipe.task == "count":
            own = [_row(target, row, SUPPORTS if target == label else OPPOSES, "planted") for row in seen]
            own = [] if target > label else own
        else:
            own = [_row(target, row, SUPPORTS if target == label else OPPOSES, "planted") for row in seen]
        rows += own or [_absent(target, "nothing to be seen" if planted and not seen else "absence")]
    return rows


def _by_rule(recipe: Recipe, label: int, seen: Sequence[Mapping[str, Any]]) -> list[Row]:
    rule = parse(str(recipe.rule))
    present = {name: any(row["group"] == name for row in seen) for name in rule.names}
    rows: list[Row] = []
    for target in (0, 1):
        wanted = 1 if target else -1
        for row in seen:
            if effect := rule.effect(row["group"], present) * wanted:
                rows.append(_row(target, row, SUPPORTS if effect > 0 else OPPOSES, f"decides {recipe.rule!r}"))
        missing = [name for name in rule.names if not present[name] and rule.effect(name, present)]
        if missing and target == label:
            rows.append(_absent(target, f"absence of {', '.join(missing)}"))
        elif not any(row["target"] == target for row in rows):
            rows.append(_absent(target, "no single lesion decides"))
    return rows


def _row(target: int, lesion: Mapping[str, Any], direction: str, reason: str) -> Row:
    return {
        "target": target,
        "instance": int(lesion["instance"]),
        "direction": direction,
        "localizable": True,
        "reason": reason,
    }


def _absent(target: int, reason: str) -> Row:
    return {"target": target, "instance": 0, "direction": NONE, "localizable": False, "reason": reason}
