"""The datasets of a study: made once, or the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaigt.studies.configuration import LEGACY, Study
from xaigt.studies.errors import StudyError
from xaigt.studies.folder import DATA, StudyFolder

if TYPE_CHECKING:
    from xaigt.synthesis.loading import AnyRecipe

Progress = Callable[[int, int], None]


def recipe_of(study: Study, variant: str) -> AnyRecipe:
    """Recipe of a variant with its changes."""
    from xaigt.synthesis.loading import load_recipe

    legacy = study.kind_of(variant) == LEGACY
    name = study.data.legacy_recipe if legacy else study.data.recipe
    changes = study.data.legacy_changes if legacy else study.data.changes
    return load_recipe(name, [f"{key}={json.dumps(value)}" for key, value in changes.items()])


def planned(study: Study) -> list[tuple[str, int, str]]:
    """(kind, data seed, name) of each dataset; regimes share them."""
    kinds = dict.fromkeys(study.kind_of(variant) for variant in study.variants)
    return [(kind, seed, f"{kind}-{seed}") for kind in kinds for seed in study.data.seeds]


def make(
    folder: StudyFolder, study: Study, *, workers: int, engine: dict[str, Any], progress: Progress | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Make the datasets, or find that they are there; return what ``study.json`` says of them."""
    from xaigt.synthesis.generate import generate

    if study.data.dataset is not None:
        entry = describe(Path(study.data.dataset).absolute(), "main", 0)
        if progress is not None:
            progress(entry["samples"], entry["samples"])
        return {variant: [entry] for variant in study.variants}
    total = sum(study.data.samples.values())
    shares = {name: count / total for name, count in study.data.samples.items()}
    result: dict[str, list[dict[str, Any]]] = {}
    for kind, seed, name in planned(study):
        path = folder.path / DATA / name
        generate(
            recipe_of(study, kind), path, samples=total, seed=seed, splits=shares, workers=workers,
            progress=progress, **engine,
        )  # fmt: skip
        result.setdefault(kind, []).append(describe(path, name, seed) | {"path": f"{DATA}/{name}"})
    return {variant: result[study.kind_of(variant)] for variant in study.variants}


def describe(path: Path, name: str, seed: int) -> dict[str, Any]:
    """Return what a reader of the study wants to know of a dataset."""
    from xaigt.dataset.reading import load
    from xaigt.models.runs import dataset_identity

    dataset = load(path)
    for split in ("train", "val", "test"):
        if split not in dataset.description["splits"] or not len(dataset.split(split)):
            raise StudyError(f"{path}: has no samples of the split {split!r}; a study needs train, val and test.")
    counts = dataset.samples["split"].value_counts()
    return {
        "name": name, "path": str(path), "id": dataset_identity(dataset), "sha256": dataset.description["sha256"],
        "recipe": dataset.description["recipe"]["name"], "seed": dataset.description.get("seed"), "data_seed": seed,
        "samples": len(dataset), "splits": {str(split): int(count) for split, count in counts.items()},
        "shape": list(dataset.description["shape"]), "classes": dataset.classes,
        "templates": [entry["name"] for entry in dataset.description.get("templates", [])],
        "licences": sorted({str(entry["licence"]) for entry in dataset.description.get("templates", [])}),
        "citations": sorted({str(entry["citation"]) for entry in dataset.description.get("templates", [])}),
    }  # fmt: skip
