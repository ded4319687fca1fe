"""Generating a dataset: blocks of samples, rendered anywhere, committed in order."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import xaigt
from xaigt import execution
from xaigt.anatomy.cards import load_card
from xaigt.anatomy.fields import load_fields
from xaigt.dataset import layout
from xaigt.dataset.files import DatasetError, free_bytes, size_text
from xaigt.dataset.store import Rows, Store
from xaigt.errors import XaigtError
from xaigt.lesions import family
from xaigt.synthesis.block import render_samples
from xaigt.synthesis.legacy.recipe import LegacyRecipe, check_splits
from xaigt.synthesis.loading import AnyRecipe
from xaigt.synthesis.splits import groups
from xaigt.synthesis.tasks import SWAPPING
from xaigt.volume import Grid

DEFAULT_SPLITS = {"train": 0.7, "val": 0.15, "test": 0.15}
_TERMS = {
    "name", "title", "kind", "individual", "person", "space", "licence", "citation", "redistribution", "commercial"
}  # fmt: skip
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """Everything a worker needs to make any block of a dataset. Plain and picklable."""

    folder: Path
    recipe: dict[str, Any]
    samples: int
    seed: int
    splits: tuple[tuple[str, float], ...]
    grid: Grid
    device: str

    def store(self) -> Store:
        """Return the store of the dataset."""
        return Store(self.folder, self.samples, sample_shape(self.grid), self.arrays)

    @property
    def arrays(self) -> dict[str, str]:
        """Names and types of the arrays of the dataset."""
        return layout.ARRAYS | (layout.SWAPPED if self.recipe["task"] in SWAPPING else {})


def generate(
    recipe: AnyRecipe,
    folder: str | PathLike[str],
    *,
    samples: int = 200,
    seed: int = 0,
    splits: Mapping[str, float] | None = None,
    workers: int = 1,
    device: str = "cpu",
    engine: execution.Engine = "auto",
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Generate a dataset, or go on with one that was interrupted.

    Parameters
    ----------
    recipe
        What to make.
    folder
        Where; new, empty, or an unfinished dataset of the same recipe, seed, samples and splits.
    samples
        How many samples.
    seed
        Seed of everything random.
    splits
        Name -> share; the shares sum to 1.
    workers
        Processes; the result does not depend on it.
    device
        Where images are computed, ``cpu`` or ``cuda``. Labels and parameters do not depend on it; voxels may
        differ by one quantum at 1 in 1,000.
    engine, scheduler
        Where blocks are made, see :func:`xaigt.execution.run`; the result does not depend on it. Workers of a cluster
        write into `folder` themselves: it must lie where all of them see it.
    progress
        Called with the samples done and the samples wanted.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    XaigtError
        For anything the caller can mend; what was finished is kept.
    """
    folder = Path(folder)
    if engine == "dask":
        folder = folder.absolute()  # workers stand in other directories
    job = prepare(recipe, folder, samples=samples, seed=seed, splits=splits, device=device)
    store = job.store()
    with store.claimed():
        store.open(describe(job))
        if store.complete():
            if progress is not None:
                progress(samples, samples)
        else:
            blocks = store.unfinished()
            need = estimate_bytes(job) * len(blocks) / max(len(store.blocks), 1)
            if free_bytes(folder) < need:
                raise DatasetError(
                    f"{folder}: needs about {size_text(need)}, but only {size_text(free_bytes(folder))} are free."
                )
            _announce_fields(job)
            counted = _Counted(store, samples, progress)
            counted.start(samples - sum(len(store.members(block)) for block in blocks))
            execution.run(
                partial(make_block, job), blocks, on_done=counted.commit, key="block {}".format, workers=workers,
                engine=engine, scheduler=scheduler,
            )  # fmt: skip
            store.finish()
        _picture(folder)
    return folder


def prepare(
    recipe: AnyRecipe,
    folder: Path,
    *,
    samples: int,
    seed: int,
    splits: Mapping[str, float] | None,
    device: str,
) -> Job:
    """Check the arguments of :func:`generate` and join them into a job."""
    shares = dict(splits or DEFAULT_SPLITS)
    if samples < 1:
        raise XaigtError(f"the number of samples must be 1 or more (given: {samples}).")
    if seed < 0:
        raise XaigtError(f"the seed must be 0 or more (given: {seed}).")
    if any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise XaigtError(f"the shares of the splits must be 0 or more and sum to 1 (given: {shares}).")
    _check_device(device)
    if isinstance(recipe, LegacyRecipe):
        check_splits(recipe, shares)
    else:
        groups(recipe, seed, shares)  # says now if there are too few of them
    grid = recipe.grid.resolve(load_fields(recipe.templates[0]).centre)
    return Job(folder, recipe.written_out(), samples, seed, tuple(shares.items()), grid, device)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise XaigtError(f"device {device!r} cannot be used here ({reason}); try --device cpu.") from None


def describe(job: Job) -> dict[str, Any]:
    """What dataset.json says: everything that decides the bits, and the terms of the templates."""
    cards = [load_card(name) for name in job.recipe["templates"]]
    return {
        "format_version": layout.FORMAT_VERSION,
        "recipe": job.recipe,
        "samples": job.samples,
        "seed": job.seed,
        "splits": dict(job.splits),
        "classes": job.recipe["classes"],
        "targets": targets(job.recipe),
        "task": job.recipe["task"],
        "modality": job.recipe["modality"],
        "units": job.recipe.get("units", cards[0].units),
        "dim": job.recipe["grid"]["dim"],
        "shape": list(sample_shape(job.grid)),
        "spacing_mm": list(job.grid.spacing),
        "thickness_mm": job.grid.thickness,
        "affine": job.grid.affine.tolist(),
        "arrays": job.arrays,
        "altered_bits": layout.ALTERED,
        "compartment_bits": layout.COMPARTMENTS,
        "compartments_of": {
            group["name"] or group["family"]: sum(
                layout.COMPARTMENTS[name] for name in family(group["family"]).compartments
            )
            for group in job.recipe.get("lesions", [])  # published data have none
            if group["role"] == "lesion"
        },
        "templates": [
            card.model_dump(mode="json", include=_TERMS)
            | {
                "to_file_mm": load_fields(card.name).to_file,
                "sources_sha256": {source.role: source.sha256 for source in card.sources},
            }
            for card in cards
        ],
        "versions": {
            "xaigt": xaigt.__version__,
            **{name: importlib.metadata.version(name) for name in ("numpy", "scipy", "torch")},
        },
        "platform": f"{platform.system()} {platform.machine()}",
        "device": job.device,
        "threads": execution.THREADS,
    }


def targets(recipe: Mapping[str, Any]) -> list[str]:
    """Columns of the table of samples that a network is to predict."""
    return [f"has_{name}" for name in recipe["classes"]] if recipe["task"] == "subtype" else ["label"]


def sample_shape(grid: Grid) -> tuple[int, ...]:
    """Shape of one stored sample: a grid of one slice is stored without its z axis."""
    return grid.shape[1:] if grid.shape[0] == 1 else grid.shape


def estimate_bytes(job: Job) -> int:
    """Disk use to expect: noise makes images nearly incompressible, masks shrink to almost nothing.

    int16 images take 0.5 (CT with noise of 4 HU) to 0.66 (MR) of their size; this is an upper estimate.
    """
    voxels = int(np.prod(sample_shape(job.grid)))
    return job.samples * (int(voxels * 2 * 2 * 0.7) + int(voxels * 4 * 0.03) + 8000)


def measure_rate(job: Job, samples: int = 3) -> float:
    """Samples a second of one process, measured on the first few samples; nothing is written."""
    import time

    _announce_fields(job)
    with execution.fixed_threads():
        render_samples(job, range(1))  # warms up what is loaded once
        start = time.perf_counter()
        render_samples(job, range(samples))
    return samples / (time.perf_counter() - start)


def make_block(job: Job, block: int) -> Rows:
    """Render and write the arrays of one block; return its rows of every table. Runs in any process."""
    store = job.store()
    stacks, rows = render_samples(job, store.members(block))
    store.write(block, stacks)
    return rows


def _picture(folder: Path) -> None:
    if not (folder / layout.GALLERY).exists():
        from xaigt.dataset.reading import load
        from xaigt.report.pictures import gallery

        gallery(load(folder), folder / layout.GALLERY)


def _announce_fields(job: Job) -> None:
    """Compute the fields before workers start, so that they find them in the cache instead of waiting."""
    for name in job.recipe["templates"]:
        load_fields(name)
        load_fields(name, job.grid.voxel)


class _Counted:
    """Commits blocks in order and counts samples for the progress bar."""

    def __init__(self, store: Store, samples: int, progress: Progress | None) -> None:
        self._store, self._samples, self._progress, self._done = store, samples, progress, 0

    def start(self, done: int) -> None:
        self._done = done
        self._report()

    def commit(self, block: int, rows: Rows) -> None:
        self._store.mark(block, rows)
        self._done += len(self._store.members(block))
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._samples)
