"""What a lesion's drawn parameters say of its form, apart from place, size and contrast."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_NOT_FORM = (
    "centre", "radius", "volume", "range", "level", "core", "contrast", "peak", "texture", "oedema", "family", "row",
    "column", "drawn", "place",
)  # fmt: skip
_BANK = ("template", "bank")
_SEED = 2**31


def form_of(item: Mapping[str, Any]) -> str:
    """Key of the form of a planned lesion: two with one key have one form, wherever they lie.

    Empty where nothing drawn says so: a form needs a seed, a number in a bank, or a shape of its own.
    """
    lesion = item["lesion"]
    kept = {key: value for key, value in lesion.items() if not any(word in key for word in _NOT_FORM)}
    if bank := {key: value for key, value in kept.items() if key in _BANK and isinstance(value, int)}:
        return json.dumps([item.get("group"), bank], sort_keys=True)
    seeds = sorted(set(seeds_of(kept)))
    if not seeds and isinstance(kept.get("shape"), dict):
        return json.dumps(kept["shape"], sort_keys=True)
    return json.dumps([lesion.get("family"), seeds]) if seeds else ""


def seeds_of(plan: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """Recorded seeds of a plan, by the place they stand at; small numbers are no seeds."""
    if isinstance(plan, Mapping):
        for name, value in plan.items():
            yield from seeds_of(value, f"{key}.{name}" if key else name)
    elif isinstance(plan, list):
        for item in plan:
            yield from seeds_of(item, key)
    elif isinstance(plan, int) and not isinstance(plan, bool) and key.endswith("seed") and plan > _SEED:
        yield key, plan
