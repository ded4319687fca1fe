"""Which metrics there are, and which file each is in: one is found without importing the others."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from xaigt.errors import XaigtError, nearest

if TYPE_CHECKING:
    from xaigt.metrics.declaration import Metric

METRICS = {
    "precision_at_k": "ranking",
    "average_precision": "ranking",
    "roc_auc": "ranking",
    "pointing_game": "ranking",
    "mass_accuracy": "mass",
    "relative_mass": "mass",
    "energy_ratio": "mass",
    "lesion_mass": "mass",
    "distractor_mass": "mass",
    "confounder_mass": "mass",
    "suppressor_mass": "mass",
    "dice": "overlap",
    "iou": "overlap",
    "precision": "overlap",
    "recall": "overlap",
    "box_iou": "box_overlap",
    "box_dice": "box_overlap",
    "matched_box_iou": "box_overlap",
    "matched_box_dice": "box_overlap",
    "loose_hit": "box_overlap",
    "earth_mover": "transport",
    "lesion_recall": "instances",
    "lesion_precision": "instances",
    "surface_distance": "surface",
    "hausdorff_distance": "surface",
    "compartment_precision": "compartment",
    "deletion": "perturbation",
    "insertion": "perturbation",
    "road": "removal",
    "evidence_agreement": "evidence",
    "c_score": "consistency",
}
ENTRY_POINTS = "xaigt.metrics"


@cache
def _third_party() -> dict[str, Any]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def names() -> list[str]:
    """Return the names of all metrics: ours as on the reference page, then those of third parties."""
    return [*METRICS, *(name for name in sorted(_third_party()) if name not in METRICS)]


def get(name: str | Metric, **parameters: Any) -> Metric:
    """Find a metric by name.

    Parameters
    ----------
    name
        Such as ``precision_at_k``, or with parameters ``dice(threshold=otsu)``; or a metric.
    **parameters
        Parameters to bind, after those in the name.

    Raises
    ------
    XaigtError
        For an unknown name or parameter, with the nearest known ones.

    Examples
    --------
    >>> get("pointing_game(tolerance=5)").title
    'pointing_game(tolerance=5)'
    """
    from xaigt.metrics.declaration import Metric

    if isinstance(name, Metric):
        return name.bind(**parameters)
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", name)
    base = match[1] if match else name
    if base in METRICS:
        metric = getattr(importlib.import_module(f"xaigt.metrics.{METRICS[base]}"), base)
    elif base in _third_party():
        metric = _third_party()[base].load()
    else:
        raise XaigtError(f"Unknown metric {name!r}: {nearest(base, names())}.")
    if not isinstance(metric, Metric):
        raise XaigtError(f"The entry point {base!r} of {ENTRY_POINTS} is not a Metric.")
    return metric.bind(**{**_parse(match[2] if match else None, name), **parameters})


def _parse(text: str | None, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            raise XaigtError(f"In {name!r}: write parameters as name(key=value, key=value).")
        try:
            found[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            found[key.strip()] = value.strip()
    return found
