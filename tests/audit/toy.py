"""Small datasets in the real format, written in a second, with a leak where a test asks for one.

Each sample draws one lesion (a disc with a ragged border); positives plant it. Images are smooth random heads with
noise. A leak is a function that changes the drawn numbers, the arrays or the rows of one sample.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

import xaigt
from xaigt.dataset import layout
from xaigt.dataset.store import Store, checksum

SIZE, SPACING, CONTRAST = 32, 2.0, 20
HALF = (SIZE - 1) / 2 * SPACING
Leak = Callable[[dict[str, Any], np.random.Generator], None]


def toy(
    folder: Path,
    samples: int = 240,
    seed: int = 0,
    *,
    drawn: Leak | None = None,
    arrays: Leak | None = None,
    rows: Leak | None = None,
    recipe: dict[str, Any] | None = None,
    write_arrays: bool = True,
    classes: int = 2,
):
    """Write and load a dataset.

    `drawn` changes the numbers before they are used, `arrays` the arrays before they are measured, `rows` the rows (and
    arrays) at the end.
    """
    rng = np.random.default_rng(seed)
    names = {name: layout.ARRAYS[name] for name in ("image", "twin", "lesion", "altered", "support")}
    store = Store(folder, samples, (SIZE, SIZE), names)
    folder.mkdir(parents=True, exist_ok=True)
    store.open(_description(samples, names, recipe or {}, classes))
    state: dict[str, Any] = {}
    made = [_sample(number, seed, rng, drawn, arrays, rows, classes, write_arrays, state) for number in range(samples)]
    for block in store.blocks:
        members = [made[number] for number in store.members(block)]
        if write_arrays:
            store.write(block, {name: np.stack([item["arrays"][name] for item in members]) for name in names})
        tables = {"samples": [item["row"] for item in members]}
        tables["lesions"] = [lesion for item in members for lesion in item["lesions"]]
        tables["evidence"] = [line for item in members for line in item["evidence"]]
        store.mark(block, tables)
    store.finish()
    return xaigt.load(folder)


def _description(samples: int, names: dict[str, str], recipe: dict[str, Any], classes: int) -> dict[str, Any]:
    task = recipe.get("task", "presence")
    return {
        "format_version": layout.FORMAT_VERSION,
        "recipe": {"name": "toy", "task": task, "epsilon": 0.5, "disjoint": "sample", "slice_mm": 0.0}
        | {"class_defining": [], "visibility": {"minimum_cnr": 1.0, "invisible": "flag"}}
        | recipe,
        "samples": samples,
        "splits": {"train": 0.5, "test": 0.5},
        "classes": [f"class {number}" for number in range(classes)],
        "task": task,
        "modality": "CT",
        "units": "HU",
        "dim": 2,
        "shape": [SIZE, SIZE],
        "spacing_mm": [5.0, SPACING, SPACING],
        "affine": [[0, 0, -SPACING, HALF], [0, -SPACING, 0, HALF], [5.0, 0, 0, 0], [0, 0, 0, 1]],
        "arrays": names,
        "altered_bits": layout.ALTERED,
        "templates": [{"name": "one", "person": "p"}, {"name": "two", "person": "q"}],
    }


def _sample(number, seed, rng, drawn, arrays, rows, classes, write_arrays, state) -> dict[str, Any]:
    block = np.random.default_rng((seed, number // classes)).permutation(classes)
    item: dict[str, Any] = {
        "state": state,
        "number": number,
        "label": int(block[number % classes]),
        "split": ("train", "test")[number // classes % 2],
        "template": ("one", "two")[int(rng.integers(2))],
        "subject": f"toy-{number}",
        "noise": float(rng.uniform(3, 5)),
        "slice_mm": float(rng.uniform(0, 50)),
        "volume": float(rng.uniform(500, 1500)),
        "at": rng.integers(10, 22, 2).astype(float),
        "seed": int(rng.integers(2**40, 2**62)),
        "head": float(rng.normal(30, 2)),
    }
    if drawn is not None:
        drawn(item, rng)
    if write_arrays:
        _draw(item, rng)
        if arrays is not None:
            arrays(item, rng)
    _rows(item, classes)
    if rows is not None:
        rows(item, rng)
    if write_arrays:
        item["row"] |= {f"sha256_{name}": checksum(array) for name, array in item["arrays"].items()}
    return item


def _draw(item: dict[str, Any], rng: np.random.Generator) -> None:
    y, x = np.mgrid[:SIZE, :SIZE]
    middle = (SIZE - 1) / 2
    head = (y - middle) ** 2 + (x - middle) ** 2 < 14**2
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, (SIZE, SIZE)), 3)
    base = head * (item["head"] + 6 * smooth / smooth.std()) + rng.normal(0, item["noise"], (SIZE, SIZE))
    lesion = (y - item["at"][0]) ** 2 + (x - item["at"][1]) ** 2 < 3.3**2
    ragged = ndimage.binary_dilation(lesion) & (rng.random((SIZE, SIZE)) < 0.5)
    lesion = (lesion | ragged) & (item["label"] > 0)
    item["arrays"] = {
        "twin": np.round(base).astype(np.int16),
        "lesion": lesion.astype(np.uint8),
        "altered": lesion.astype(np.uint8),
        "support": head.astype(np.uint8),
        "image": (np.round(base) + CONTRAST * lesion).astype(np.int16),
    }


def _rows(item: dict[str, Any], classes: int) -> None:
    number, label = item["number"], item["label"]
    row, column = item["at"]
    centre = [round(item["slice_mm"], 4), round(HALF - row * SPACING, 4), round(HALF - column * SPACING, 4)]
    lesion = {"family": "toy", "centre_mm": centre, "volume_mm3": round(item["volume"], 4), "radius_mm": 6.0}
    lesion |= {"noise_seed": item["seed"] + 1}
    plan = {
        "label": label,
        "template": item["template"],
        "lesions": [{"role": "lesion", "group": "toy", "planted": label > 0, "swapped": False, "lesion": lesion}],
        "acquisition": {"noise_hu": item["noise"], "noise_fwhm_mm": 1.0, "noise_seed": item["seed"]},
    }
    item["row"] = {
        "id": f"{number:06d}",
        "sample": number,
        "split": item["split"],
        "label": label,
        "class": f"class {label}",
        "template": item["template"],
        "subject": item["subject"],
        "seed": 0,
        "slice_mm": item["slice_mm"],
        "lesions": int(label > 0),
        "noise_sd": item["noise"],
        "plan": json.dumps(plan),
    }
    nothing = {"sample": number, "instance": 0, "direction": "none", "localizable": False, "reason": "absence"}
    item["lesions"], item["evidence"] = [], [{"target": target} | nothing for target in range(classes)]
    if label == 0:
        return
    measured: dict[str, Any] = {"voxels": 30, "visible": True}
    if "arrays" in item:
        mask = item["arrays"]["lesion"] > 0
        places = np.argwhere(mask)
        extent = (places.max(0) - places.min(0) + 1) * SPACING
        change = item["arrays"]["image"][mask].astype(int) - item["arrays"]["twin"][mask]
        measured = {
            "voxels": int(mask.sum()),
            "area_mm2": float(mask.sum() * SPACING**2),
            "extent_y_mm": float(extent[0]),
            "extent_x_mm": float(extent[1]),
            "mean": float(item["arrays"]["image"][mask].mean()),
            "contrast": float(change.mean()),
            "cnr": float(abs(change.mean()) / item["noise"]),
            "visible": True,
        }
    item["lesions"] = [
        {"sample": number, "class": label, "role": "lesion", "group": "toy", "instance": 1, "family": "toy"}
        | dict(zip(("centre_z_mm", "centre_y_mm", "centre_x_mm"), centre, strict=True))
        | {"volume_mm3": lesion["volume_mm3"]}
        | measured
    ]
    supports = {"instance": 1, "direction": "supports", "localizable": True, "reason": "planted"}
    item["evidence"][label] |= supports
