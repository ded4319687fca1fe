"""In-domain pre-training on another label: global anatomy of other subjects of the same generator, no lesions.

The images are the healthy twins of a dataset that the same recipe makes under another seed, so no subject is shared
with the task. The label is whether a drawn number of the subject (by default how far its ventricle walls lie outward)
is above the median: the analogue of classifying sex.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaigt.errors import nearest
from xaigt.models.arms import Context, Start, options
from xaigt.models.arms.pretraining import pretrained
from xaigt.models.errors import ModelError
from xaigt.models.inputs import Images, fit_scaling, storage, window_of
from xaigt.models.settings import Settings

DEFAULTS: dict[str, Any] = {"samples": 2000, "epochs": 20, "measure": "ventricles_mm"}
SPLITS = {"train": 0.85, "val": 0.15}


def start(context: Context) -> Start:
    """Train on the anatomy, or take it from the cache."""
    chosen = options(context, DEFAULTS)
    recipe, description = context.dataset.description["recipe"], context.dataset.description
    here = {_measure(plan, chosen["measure"]) for plan in context.dataset.samples["plan"]}
    if len(here) == 1 < len(context.dataset):  # said before samples are made
        raise ModelError(
            f"arm brain: {chosen['measure']} is {here.pop():g} in all subjects of {context.dataset.path}, so there is "
            "nothing to learn; --arm-option measure=... chooses another."
        )
    window = window_of(context.settings, description["modality"])
    config = {**chosen, "recipe": recipe, "window": window}

    def make(folder: Path, seed: int, settings: Settings) -> dict[str, Images]:
        return _images(folder, seed, settings, chosen, description, window)

    return pretrained(context, config, make, outputs=1, epochs=chosen["epochs"], head="one-logit")


def _images(
    folder: Path, seed: int, settings: Settings, chosen: dict[str, Any], description: dict[str, Any],
    window: tuple[float, float] | None,
) -> dict[str, Images]:  # fmt: skip
    from xaigt.dataset.reading import load
    from xaigt.synthesis.generate import generate
    from xaigt.synthesis.loading import recipe_of

    if seed == description.get("seed"):  # the same subjects; one chance in two thousand million
        seed += 1
    recipe = recipe_of(description["recipe"], what="recipe of the dataset")
    generate(recipe, folder / "dataset", samples=chosen["samples"], seed=seed, splits=SPLITS)
    dataset = load(folder / "dataset")
    values = np.array([_measure(plan, chosen["measure"]) for plan in dataset.samples["plan"]])
    labels = torch.from_numpy((values > np.median(values)).astype(np.int64))
    splits = {}
    for name in SPLITS:
        rows = np.flatnonzero(dataset.samples["split"] == name)
        if not len(rows):
            raise ModelError(f"arm brain: {chosen['samples']} samples leave none for {name}; give samples=200 or more.")
        pixels = storage((len(rows), *description["shape"]), "int16", settings.cache_bytes // 4, folder)
        for position, row in enumerate(rows):
            pixels[position] = dataset.read("twin", int(row))
        splits[name] = Images(pixels, labels[torch.from_numpy(rows)], rows.astype(np.int64), name)
    scaling = fit_scaling(splits["train"], window)
    for images in splits.values():
        images.scaling = scaling
    return splits


def _measure(plan: str, name: str) -> float:
    subject = json.loads(plan)["subject"]
    numbers = [key for key, value in subject.items() if isinstance(value, int | float) and "seed" not in key]
    if name not in numbers:
        raise ModelError(f"arm brain: subjects have no measure {name!r}: {nearest(name, numbers)}.")
    return float(subject[name])
