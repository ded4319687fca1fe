"""What a lesion's drawn parameters say of its form, apart from place, size and contrast."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset

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


def drawn_forms(dataset: Dataset) -> dict[tuple[int, int], str]:
    """Key of the form of every planted lesion, by (sample, instance); without those whose plan says nothing of it."""
    found = {}
    for number, text in zip(dataset.samples["sample"], dataset.samples["plan"], strict=True):
        items = json.loads(str(text)).get("lesions", [])
        planted = [item for item in items if item.get("role") == "lesion" and item.get("planted")]
        for instance, item in enumerate(planted, start=1):
            if form := form_of(item):
                found[int(number), instance] = form
    return found


def of_no_known_form(
    shapes: Sequence[tuple[int, int, str]], forms: Mapping[tuple[int, int], str]
) -> list[tuple[int, str]]:
    """(sample, mask) of the lesions whose plan does not say of what form they are.

    Round forms that were drawn apart have one mask on coarse voxels: of lesions whose form is known, the form counts.
    """
    return [(number, key) for number, instance, key in shapes if (number, instance) not in forms]


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
