"""What could tell the class besides the lesion: one number a sample, from masks and tables, not from pixels.

A covariate is *drawn* (in the plan, for every lesion that was drawn: negatives draw lesions too, and do not plant
them), *measured* (of planted lesions, from masks and their table), or *recorded* (of the sample, whatever is planted).
What is measured exists only with a lesion, so for tasks whose classes differ in what is planted it tells the class by
nature.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xaigt.audit.forms import drawn_forms, of_no_known_form
from xaigt.audit.measure import Measured
from xaigt.dataset.reading import Dataset

if TYPE_CHECKING:
    import pandas

Floats = npt.NDArray[np.float64]
DRAWN, MEASURED, TOTAL, RECORDED = "drawn", "measured", "total", "recorded"
_SAME_PLANTED = ("shape", "side")
"""Tasks whose samples all have planted lesions, as many in every class."""
_COLUMNS = {
    "area": "area_mm2",
    "extent z": "extent_z_mm",
    "extent y": "extent_y_mm",
    "extent x": "extent_x_mm",
    "compactness": "compactness",
    "mass": "mass",
    "intensity": "mean",
    "peak": "peak",
    "contrast": "contrast",
    "contrast over noise": "cnr",
}
"""Covariates that are columns of lesions.parquet."""
_PLACES = ("row", "column", "corner", "pixel", "voxel", "place", "position", "index")
_FIRST_DRAWS = 4
_ALIASES = {
    "mean": "intensity",
    "cnr": "contrast over noise",
    "altered": "altered area",
    "altered area after blur": "altered area",
    "mean inside the mask after blur": "intensity",
    "mean intensity": "intensity",
    "sphericity": "compactness",
    "template height": "slice height",
    "slice": "slice height",
    "count": "number drawn",
    "size": "volume",
    "bounding box": "extent",
}


@dataclass(frozen=True)
class Covariate:
    """One number a sample.

    Attributes
    ----------
    name
        Such as ``extent y``; its first word is the group that a recipe may declare as a whole.
    origin
        drawn, measured, total (a sum over what is planted), or recorded.
    values
        (n,): NaN where a sample has none.
    ordered
        Whether larger means anything; templates have no order.
    by_rank
        Asked by rank alone: single values would name what was planted, and so its class, without being a leak.
    """

    name: str
    origin: str
    values: Floats
    ordered: bool = True
    by_rank: bool = False

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        known = self.values[np.isfinite(self.values)]
        return len(known) == 0 or (len(known) == len(self.values) and bool((known == known[0]).all()))


def covariates(dataset: Dataset, measured: Measured | None) -> list[Covariate]:
    """Every covariate that the dataset has, constant ones too.

    Parameters
    ----------
    dataset
        Its tables are read.
    measured
        What masks say; None leaves out what only masks say.
    """
    samples = dataset.samples
    plans = [json.loads(str(plan)) for plan in samples["plan"]]
    found = [*_recorded(samples, plans), *_drawn(dataset, plans), *_measured(dataset)]
    if measured is not None:
        found += _from_masks(dataset, measured)
    return [item for item in found if np.isfinite(item.values).any()]


def by_nature(task: str, covariate: Covariate) -> bool:
    """Whether a covariate tells the class because of what the task is.

    presence, rule: what is measured exists with a lesion only. count: sums grow with the number. side: the side, and
    what follows from it. subtype: a subtype is defined by site, size and form, so all of its lesions' properties are;
    the slice is not: one that is laid through the lesion tells the subtype without it.
    """
    origin, name = covariate.origin, covariate.name
    if task == "side":
        return name in ("side", "place x", "spread of places")
    if task == "subtype":
        return origin in (DRAWN, MEASURED, TOTAL)
    if task == "count":
        return origin == TOTAL
    return task not in _SAME_PLANTED and origin in (MEASURED, TOTAL)


def is_declared(covariate: Covariate, declared: Iterable[str]) -> bool:
    """Whether a recipe's ``class_defining`` names a covariate, or the group it belongs to.

    Compactness names the perimeter, or the surface, too: of lesions of one size they say the same.
    """
    wanted = {plain_name(name) for name in declared}
    if "compactness" in wanted:
        wanted |= {"perimeter", "surface"}
    return covariate.name in wanted or covariate.name.split()[0] in wanted


def plain_name(name: str) -> str:
    """Name of a covariate from what a recipe calls it: ``area_mm2`` is area, ``cnr`` contrast over noise."""
    words = name.lower().replace("_", " ").replace("-", " ").split()
    words = [word for word in words if word not in ("mm", "mm2", "mm3", "hu")]
    plain = " ".join(words)
    return _ALIASES.get(plain, plain)


def _recorded(samples: pandas.DataFrame, plans: list[dict[str, Any]]) -> list[Covariate]:
    order = np.arange(len(samples), dtype=float)
    numbers = samples["sample"].to_numpy(float)
    _, template = np.unique(samples["template"].astype(str), return_inverse=True)
    acquisition = [plan.get("acquisition") or {} for plan in plans]
    found = [
        Covariate("file order", RECORDED, order),
        Covariate("parity of the file order", RECORDED, numbers % 2),
        Covariate("template", RECORDED, template.astype(float), ordered=False),
        Covariate("noise", RECORDED, _floats(item.get("noise_hu") for item in acquisition)),
        Covariate("noise grain", RECORDED, _floats(item.get("noise_fwhm_mm") for item in acquisition)),
    ]
    if "noise_sd" in samples:
        found[3] = Covariate("noise", RECORDED, _floats(samples["noise_sd"]))
    if "slice_mm" in samples:
        found.append(Covariate("slice height", RECORDED, _floats(samples["slice_mm"])))
    return found


def _drawn(dataset: Dataset, plans: list[dict[str, Any]]) -> list[Covariate]:
    """Covariates of the plan: of every lesion that was drawn, planted or not."""
    task = str(dataset.description["task"])
    drawn = [_lesions_of(plan, planted=task in (*_SAME_PLANTED, "subtype")) for plan in plans]
    places = [np.array([item["centre_mm"] for item in items], float).reshape(-1, 3) for items in drawn]
    found = [Covariate("number drawn", DRAWN, _floats(len(items) for items in drawn))]
    for axis, name in enumerate("zyx"):
        found.append(Covariate(f"place {name}", DRAWN, _floats(_mean(place[:, axis]) for place in places)))
    found.append(Covariate("spread of places", DRAWN, _floats(_spread(place) for place in places)))
    found.append(Covariate("side", DRAWN, _floats(_mean(np.sign(place[:, 2])) for place in places)))
    for name, key in (("volume", "volume_mm3"), ("radius", "radius_mm")):
        found.append(
            Covariate(name, DRAWN, _floats(_mean([float(item.get(key, np.nan)) for item in items]) for items in drawn))
        )
    families = sorted({str(item.get("family")) for items in drawn for item in items})
    first = [families.index(str(items[0].get("family"))) if items else np.nan for items in drawn]
    found.append(Covariate("family", DRAWN, _floats(first), ordered=False))
    forms = [(number, form) for (number, _), form in drawn_forms(dataset).items()]
    if forms:
        found.append(Covariate("repeats of its forms", MEASURED, _repeats(dataset, forms), by_rank=True))
    return [*found, *_parities(dataset, drawn, places)]


def _parities(
    dataset: Dataset, drawn: list[list[dict[str, Any]]], places: list[npt.NDArray[np.float64]]
) -> list[Covariate]:
    """Parity of the drawn place of the first lesion: of its voxel, of its last digit, and of drawn whole numbers.

    Random numbers that were drawn twice from one state couple low bits, which no mean shows.
    """
    affine = np.asarray(dataset.description["affine"], float)
    axes = "zyx" if dataset.dim == 3 else "yx"
    found = []
    for name in axes:
        axis = "zyx".index(name)
        # Rows of the affine are RAS (x, y, z), columns are indices (z, y, x).
        origin, step = affine[2 - axis, 3], affine[2 - axis, axis]
        index = _floats(np.floor((place[0, axis] - origin) / step + 0.5) if len(place) else np.nan for place in places)
        found.append(Covariate(f"parity of voxel {name}", DRAWN, index % 2))
    for axis, name in enumerate("zyx"):
        digits = _floats(np.round(place[0, axis] * 1e4) if len(place) else np.nan for place in places)
        found.append(Covariate(f"parity of last digit {name}", DRAWN, digits % 2))
    whole = [_whole_numbers(items) for items in drawn]
    for key in sorted({key for item in whole for key in item}):
        found.append(Covariate(f"parity of {key}", DRAWN, _floats(item.get(key) for item in whole) % 2))
    return found


def _whole_numbers(lesions: list[dict[str, Any]]) -> dict[str, int]:
    """Whole numbers that say where lesions lie: of the first lesion, and of lists the first few, over all lesions."""
    found: dict[str, int] = {}
    series: dict[str, list[int]] = {}
    for number, lesion in enumerate(lesions):
        for key, value in lesion.items():
            if not any(word in key.lower() for word in _PLACES):
                continue
            if isinstance(value, int) and not number:
                found[key] = value
            elif isinstance(value, list):
                series.setdefault(key, []).extend(item for item in value if isinstance(item, int))
    for key, values in series.items():
        found |= {f"{key} {position}": value for position, value in enumerate(values[:_FIRST_DRAWS])}
    return found


def _measured(dataset: Dataset) -> list[Covariate]:
    """Covariates of the table of planted lesions.

    The mean over a sample's lesions; for the task count, where a mean varies less the more there are, the first.
    """
    table = dataset.lesions
    numbers = [int(number) for number in dataset.samples["sample"]]
    first_only = dataset.description["task"] == "count"
    truth = table[(table["role"] == "lesion") & (table["voxels"] > 0)] if len(table) else table
    grouped = dict(list(truth.groupby("sample"))) if len(truth) else {}
    pick: Callable[[Any], float] = _first if first_only else _mean

    def of(column: str, reduce: Callable[[Any], float], absent: float) -> Floats:
        return _floats(reduce(grouped[n][column]) if n in grouped else absent for n in numbers)

    found = [Covariate("number planted", TOTAL, _floats(len(grouped.get(n, ())) for n in numbers))]
    for name, column in _COLUMNS.items():
        if column in truth and truth[column].notna().any():
            found.append(Covariate(name, MEASURED, of(column, pick, np.nan)))
    if len(table) and (table["role"] != "lesion").any():
        others = Counter(table.loc[table["role"] != "lesion", "sample"])
        found.append(Covariate("number of others", RECORDED, _floats(others.get(n, 0) for n in numbers)))
    return found


def _from_masks(dataset: Dataset, measured: Measured) -> list[Covariate]:
    masks = {name: np.asarray(values, float) for name, values in measured.masks.items()}
    border = "perimeter" if dataset.dim == 2 else "surface"
    found = [
        Covariate("area total", TOTAL, masks["area"]),
        Covariate("mass total", TOTAL, masks["mass"]),
        Covariate("altered area", TOTAL, masks["altered"]),
        Covariate("head area", RECORDED, masks["head"]),
        Covariate("other area", RECORDED, masks["other"]),
        Covariate(border, MEASURED, masks["border"]),
        Covariate("place depth", MEASURED, masks["depth"]),
        Covariate("place depth least", MEASURED, masks["least_depth"]),
    ]
    if congruent := of_no_known_form(measured.shapes, drawn_forms(dataset)):
        found.append(Covariate("repeats of its masks", MEASURED, _repeats(dataset, congruent), by_rank=True))
    return found


def _repeats(dataset: Dataset, forms: list[tuple[int, str]]) -> Floats:
    """How likely another lesion of the class has the same form: the mean over a sample's lesions; 0 if all differ."""
    numbers = dataset.samples["sample"].astype(int)
    label = dict(zip(numbers, dataset.samples["label"].astype(int), strict=True))
    occurrences = Counter((label[number], form) for number, form in forms)
    others = Counter(label[number] for number, _ in forms)
    own: dict[int, list[float]] = {}
    for number, form in forms:
        class_ = label[number]
        own.setdefault(number, []).append((occurrences[class_, form] - 1) / max(others[class_] - 1, 1))
    return _floats(_mean(own.get(number, [])) for number in numbers)


def _lesions_of(plan: Mapping[str, Any], planted: bool) -> list[dict[str, Any]]:
    items = [item for item in plan.get("lesions", []) if item.get("role") == "lesion"]
    return [item["lesion"] for item in items if item.get("planted") or not planted]


def _floats(values: Iterable[Any]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values], float)


def _mean(values: Any) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")


def _first(values: Any) -> float:
    return float(np.asarray(values, float)[0]) if len(values) else float("nan")


def _spread(places: npt.NDArray[np.float64]) -> float:
    """Root mean square distance of lesions from their mean place."""
    return float(np.sqrt(((places - places.mean(0)) ** 2).sum(1).mean())) if len(places) > 1 else float("nan")
