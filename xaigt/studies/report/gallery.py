"""The gallery: maps over images with the true outline, as layers that the page puts on each other.

The image and the outline of a sample are sent once, and every map as a small picture with a palette, so that a page
holds all methods and stages. What would make the page larger than :data:`CAP` is left out, and the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from xaigt.dataset.files import size_text
from xaigt.errors import XaigtError
from xaigt.report.pictures import _best_slice, _plane, window_of
from xaigt.studies.report.layers import address, outline, overlay
from xaigt.studies.report.source import View, depth_order

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset

CAP = 8 * 10**6
"""Bytes of maps that a page holds at most, a variant."""
Array = npt.NDArray[Any]
Sign = Literal["relu", "abs", "signed"]


def collect(view: View, cap: int = CAP) -> dict[str, Any]:
    """Everything the page needs for the gallery of a variant.

    Returns
    -------
    dict
        ``notes``: sentences on what is missing. ``samples``: id, class, rank, value, image, outline, size. ``cells``:
        name, words. ``methods``: method to its stages. ``opens``: method to the stage that is shown first: that at
        which the analysis compares methods, or the last. ``maps``: address of each picture by
        ``cell/method/stage/sample``. ``scores``: the primary metric, likewise.
    """
    listed = view.source.gallery.get(view.variant)
    if not listed or not listed.get("samples") or not listed.get("cells"):
        return {"notes": ["No maps were kept for a gallery."], "cells": [], "samples": []}
    try:
        dataset = view.dataset()
        ranked = sorted(listed["samples"], key=lambda entry: ("best", "median", "worst").index(entry["rank"]))
        samples = [_sample(dataset, entry) for entry in ranked]
    except XaigtError as error:
        return {"notes": [f"There is no gallery: {error}"], "cells": [], "samples": []}
    result: dict[str, Any] = {"notes": [], "samples": samples, "cells": [], "methods": {}, "maps": {}, "scores": {}}
    size = 0
    for cell in first_wanted(listed["cells"]):
        try:
            maps = _maps(view, dataset, cell["cell"], samples)
        except XaigtError as error:
            result["notes"].append(f"Cell {cell['cell']} is not shown: {error}")
            continue
        size += sum(map(len, maps.values()))
        if size > cap and result["cells"]:
            left = len(listed["cells"]) - len(result["cells"])
            result["notes"].append(
                f"{left} of {len(listed['cells'])} networks are not shown, to keep their maps below "
                f"{size_text(cap)}; "
                "the maps are in the study's folder."
            )
            break
        result["cells"].append(
            {
                "name": cell["cell"],
                "arm": str(cell["arm"]),
                "depth": str(cell["depth"]),
                "network": str(cell["network"]),
                "title": f"{cell['arm']}, depth {cell['depth']}",
                "words": _words(cell, len(view.networks) > 1),
            }
        )
        result["maps"] |= maps
    _place(view, result["cells"])
    result["methods"] = _stages(result["maps"])
    wanted = str(view.source.configuration["analysis"]["stage"])
    result["opens"] = {method: opening(stages, wanted) for method, stages in result["methods"].items()}
    result["scores"] = _scores(view, listed.get("metric", view.metric), result)
    return result


def first_wanted(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order networks for a page that may not hold all: every arm at the last depth, at the first, then the rest."""
    depths = sorted({str(cell["depth"]) for cell in cells}, key=depth_order)
    ranks = {depths[-1]: 0, depths[0]: 1} if len(depths) > 1 else {depths[0]: 0}
    return sorted(cells, key=lambda cell: ranks.get(str(cell["depth"]), 2))


def _place(view: View, cells: list[dict[str, Any]]) -> None:
    """Order networks, and give each its place: a row an architecture and arm, a column a depth; both from 1."""
    depths = sorted({cell["depth"] for cell in cells}, key=depth_order)
    known = [(network, arm) for network in view.networks for arm in view.arms]
    rows = [row for row in known if any((cell["network"], cell["arm"]) == row for cell in cells)]
    for cell in cells:
        cell["row"] = rows.index((cell["network"], cell["arm"])) + 1
        cell["column"] = depths.index(cell["depth"]) + 1
    cells.sort(key=lambda cell: (cell["row"], cell["column"]))


def _words(cell: dict[str, Any], several: bool) -> str:
    auc = cell.get("auc")
    quality = f", AUC {auc:.2f}" if auc is not None and auc == auc else ""
    return f"{cell['network'] + ', ' if several else ''}seed {cell['seed']}{quality}"


def _sample(dataset: Dataset, entry: dict[str, Any]) -> dict[str, Any]:
    number = int(entry["sample"])
    lesion = dataset.read("lesion", number)
    at = _best_slice(lesion)
    image, mask = _plane(dataset.read("image", number), at), _plane(lesion, at) > 0
    low, high = window_of(image, dataset.description)
    grey = np.clip((image.astype(np.float64) - low) / ((high - low) or 1) * 255, 0, 255).astype(np.uint8)
    dy, dx = dataset.description["spacing_mm"][-2:]
    return {
        "id": f"{number:06d}", "number": number, "target": entry.get("target"), "class": str(entry.get("class", "")),
        "rank": entry["rank"], "value": entry.get("value"), "slice": at, "image": address(grey),
        "outline": outline(mask), "height": mask.shape[0], "width": mask.shape[1],
        "ratio": mask.shape[1] * dx / (mask.shape[0] * dy),
    }  # fmt: skip


def _maps(view: View, dataset: Dataset, cell: str, samples: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Pictures of all maps of a cell, by ``cell/method/stage/sample``."""
    import torch

    from xaigt.explainers import postprocess
    from xaigt.models.explaining import MAPS, load_maps
    from xaigt.models.runs import load_run

    run = load_run(view.source.folder.cell(cell))
    described, pairs = load_maps(run)
    size = tuple(run.description["size"])
    signs = signs_of(view)
    places = {(int(p), int(t)): i for i, (p, t) in enumerate(zip(pairs["sample"], pairs["target"], strict=True))}
    result = {}
    for entry in described["maps"]:
        raw = np.load(run.folder / MAPS / entry["file"], mmap_mode="r")
        for sample in samples:
            place = places.get((sample["number"], int(sample["target"] or 0)))
            if place is None:
                continue
            one = torch.from_numpy(np.array(raw[place : place + 1]))
            shown = postprocess(one, size, sign=signs.get(entry["method"], "relu"))
            values = _plane(shown[0].numpy(), sample["slice"])
            result[f"{cell}/{entry['method']}/{entry['stage']}/{sample['id']}"] = overlay(values)
    return result


def signs_of(view: View) -> dict[str, Sign]:
    """What of the maps of each method was scored: relu, abs or signed."""
    table = view.table("scores")
    if "sign" not in table:
        return {}
    return dict(table[["method", "sign"]].drop_duplicates("method").itertuples(index=False, name=None))


def _stages(maps: dict[str, str]) -> dict[str, list[str]]:
    methods: dict[str, list[str]] = {}
    for key in maps:
        _, method, stage, _ = parts_of(key)
        stages = methods.setdefault(method, [])
        if stage not in stages:
            stages.append(stage)
    return methods


def parts_of(key: str) -> tuple[str, str, str, str]:
    """Cell, method, stage and sample of a map's key."""
    cell, *method, stage, sample = key.split("/")  # a method's name may hold slashes: untrained/saliency
    return cell, "/".join(method), stage, sample


def opening(stages: Sequence[str], wanted: str) -> str:
    """Stage at which a method is shown first: the one at which the analysis compares methods, or else the last."""
    if wanted in stages:
        return wanted
    return ([stage for stage in stages if stage != "input"] or list(stages))[-1]


def _scores(view: View, metric: str, result: dict[str, Any]) -> dict[str, float]:
    table = view.table("scores")
    if not len(table) or not result["cells"]:
        return {}
    numbers = {sample["number"]: sample["id"] for sample in result["samples"]}
    own = table[
        table["cell"].isin([cell["name"] for cell in result["cells"]])
        & (table["metric"] == metric)
        & table["sample"].isin(list(numbers))
    ]
    columns = own[["cell", "method", "stage", "sample", "value"]].itertuples(index=False)
    found = {f"{cell}/{method}/{stage}/{numbers[sample]}": value for cell, method, stage, sample, value in columns}
    return {key: round(float(found[key]), 4) for key in result["maps"] if key in found and found[key] == found[key]}
