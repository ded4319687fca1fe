"""What a study will take, before it is begun: time measured on a short probe, disk from the sizes of what is kept."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from xaigt.studies import speed
from xaigt.studies.configuration import MAIN, Study
from xaigt.studies.data import recipe_of
from xaigt.studies.grid import NO_PRETRAINING, PUBLISHED
from xaigt.studies.grid import size as cells

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset

PROBE = {"train": 16, "val": 8, "test": 16}
"""Samples of the probe, on which a head is trained for one epoch, so that there is a network to explain."""
FEW, MORE, FEW_SECONDS = 1, 12, 2.0
"""Samples explained first, and after that where those took less than so many seconds."""
BYTES_A_ROW = 24.0  # of the table of scores, compressed: a study's cell keeps it, and the joined table too
VALIDATION = 1 / 3  # time of an image that is only classified, over that of one that is trained on


@dataclass(frozen=True)
class Estimate:
    """Seconds of one process by part, bytes by part.

    Attributes
    ----------
    cells
        Number of cells.
    seconds, count
        ``data``, ``pretraining``, ``train``, ``explain``: all of them together.
    disk
        ``data``, ``weights``, ``tables``.
    """

    cells: int
    seconds: dict[str, float]
    disk: dict[str, float]

    def wall(self, workers: int) -> float:
        """Seconds with so many processes."""
        return sum(self.seconds.values()) / max(workers, 1)


def estimate(study: Study, device: str = "cpu") -> Estimate:
    """Render, train, explain and score a few samples, and multiply.

    Steps of training are timed on random numbers, for each depth; pre-training counts as training of all stages. The
    analysis and the report are not in it.
    """
    with tempfile.TemporaryDirectory(prefix="xaigt-estimate-") as folder:
        made = _data(study, Path(folder))
        seconds = {"data": made.seconds, "pretraining": 0.0, "train": 0.0, "explain": 0.0}
        total, weights = cells(study), 0.0
        count = total / len(study.variants) / len(study.grid.networks)
        for kind, dataset in made.probes.items():
            regimes = [variant for variant in study.variants if study.kind_of(variant) == kind]
            for network in study.grid.networks:
                found = _network(study, network, dataset, Path(folder) / kind / network, device)
                for variant in regimes:
                    seconds["pretraining"] += _pretraining(study) * found.speeds["all"].step
                    for depth in study.grid.depths:
                        a_cell = found.fixed + _train(study, variant, found.speeds[depth], made.samples)
                        seconds["train"] += count / len(study.grid.depths) * a_cell
                    seconds["explain"] += count * found.explain * study.explanation.samples
                    weights += count * found.weights
    return Estimate(
        total, seconds, {"data": made.bytes, "weights": weights, "tables": total * _rows(study) * BYTES_A_ROW}
    )


@dataclass(frozen=True)
class _Data:
    """What all datasets take, the samples of a split, and a small dataset of each kind."""

    seconds: float
    bytes: float
    samples: dict[str, int]
    probes: dict[str, Dataset]


def _data(study: Study, folder: Path) -> _Data:
    from xaigt.dataset.reading import load
    from xaigt.synthesis.generate import estimate_bytes, generate, measure_rate, prepare

    if study.data.dataset is not None:
        dataset = load(Path(study.data.dataset))
        return _Data(0.0, 0.0, {name: len(dataset.split(name)) for name in PROBE}, {MAIN: dataset})
    wanted = study.data.samples
    seconds = disk = 0.0
    probes = {}
    for kind in dict.fromkeys(map(study.kind_of, study.variants)):
        recipe, total = recipe_of(study, kind), sum(wanted.values())
        shares = {name: count / total for name, count in wanted.items()}
        job = prepare(recipe, folder / f"{kind}-job", samples=total, seed=0, splits=shares, device="cpu")
        seconds += len(study.data.seeds) * total / measure_rate(job)
        disk += len(study.data.seeds) * estimate_bytes(job)
        count = sum(PROBE.values())
        shares = {name: part / count for name, part in PROBE.items()}
        probes[kind] = load(generate(recipe, folder / f"{kind}-data", samples=count, splits=shares))
    return _Data(seconds, disk, wanted, probes)


def _train(study: Study, variant: str, found: speed.Speed, samples: dict[str, int]) -> float:
    """Seconds of one training: its epochs, the frozen stages once, and predictions at the end."""
    from xaigt.models import Settings

    settings = Settings.model_validate(study.training_of(variant))
    passes = samples["train"] + VALIDATION * samples["val"]
    again = found.step + (found.prefix if settings.augment else 0.0)
    return settings.total_epochs * passes * again + sum(samples.values()) * (found.prefix + found.forward)


@dataclass(frozen=True)
class _Network:
    """Speed at each depth; seconds that a cell takes whatever it trains; to explain and score a sample; weights."""

    speeds: dict[int | Literal["all"], speed.Speed]
    fixed: float
    explain: float
    weights: float


def _network(study: Study, network: str, dataset: Dataset, folder: Path, device: str) -> _Network:
    from xaigt.execution import THREADS, fixed_threads
    from xaigt.models import Settings, train
    from xaigt.studies import measuring

    base = study.training_of(study.variants[0])
    settings = Settings.model_validate(
        base | {
            "network": network, "epochs": 1, "schedule": "", "depth": 0, "regime": "best", "target_accuracy": None,
        }
    )  # fmt: skip
    size = tuple(dataset.description["shape"])
    with fixed_threads():
        speeds = {
            depth: speed.measure(network, depth, size, settings.batch_size, device)
            for depth in dict.fromkeys((*study.grid.depths, "all"))
        }
        clock = time.perf_counter()
        run = train(dataset, settings, folder, device=device, threads=THREADS)
        fixed = time.perf_counter() - clock
        known = measuring.evaluation(run, dataset, device).assign(use=measuring.SCORED)
        a_sample = 0.0
        for count in (FEW, MORE):
            asked = study.explanation.model_copy(update={"samples": count, "effects": 0})
            clock = time.perf_counter()
            measuring.measure(run, dataset, known, asked, device)
            a_sample = (time.perf_counter() - clock) / count
            if a_sample > FEW_SECONDS:
                break
    return _Network(speeds, fixed, a_sample, float((folder / "best.safetensors").stat().st_size))


def _pretraining(study: Study) -> float:
    """Images that all pre-trainings of a network pass."""
    from importlib import import_module

    passes = 0.0
    for arm in study.grid.arms:
        if arm in NO_PRETRAINING or arm in PUBLISHED:
            continue
        defaults = getattr(import_module(f"xaigt.models.arms.{arm}"), "DEFAULTS", {})
        chosen = {**defaults, **study.grid.arm_options.get(arm, {})}
        count = chosen.get("samples", int(np.prod([chosen.get("categories", 1), chosen.get("instances", 1)])))
        seeds = study.grid.pretrain_seeds
        runs = len(study.grid.seeds) if seeds == "by-seed" else len(seeds)
        passes += runs * float(count) * float(chosen.get("epochs", 20))
    return passes


def _rows(study: Study) -> float:
    """Rows of the table of scores of one cell, at four stages of a method that has stages."""
    from xaigt.explainers.registry import UNTRAINED, find_explainer

    asked = study.explanation
    stages = 4 if asked.stages is None else len(asked.stages)
    maps = sum(stages if find_explainer(name.removeprefix(UNTRAINED)).level == "stage" else 1 for name in asked.methods)
    return float((maps + stages + 1) * asked.samples * len(asked.metrics))
