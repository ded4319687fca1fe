"""What a study will take, before it is begun: time measured on a short probe, disk from the sizes of what is kept."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xaigt.studies.configuration import Study
from xaigt.studies.data import recipe_of
from xaigt.studies.grid import NO_PRETRAINING, PUBLISHED, size

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset

PROBE = {"train": 32, "val": 8, "test": 24}
"""Samples of the probe."""


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

    Every network of the grid is probed at the greatest depth: smaller depths, whose frozen prefix is cached, take less.
    Pre-training is counted at the rate of training. So the estimate of the time is an upper one.
    """
    with tempfile.TemporaryDirectory(prefix="xaigt-estimate-") as folder:
        data, bytes_data, samples, dataset = _data(study, Path(folder))
        train = explain = weights = 0.0
        cells = size(study)
        for network in study.grid.networks:
            one = _network(study, network, dataset, Path(folder) / network, samples, device)
            share = cells / len(study.grid.networks)
            train += one["train"] * share
            explain += one["explain"] * share
            weights += one["weights"] * share
        pretraining = _pretraining(study, samples) * train / max(cells * samples["train"] * _epochs(study), 1)
    maps = _rows(study)
    return Estimate(
        cells,
        {"data": data, "pretraining": pretraining, "train": train, "explain": explain},
        {"data": bytes_data, "weights": weights, "tables": cells * maps * 12.0 * 2},
    )


def _data(study: Study, folder: Path) -> tuple[float, float, dict[str, int], Dataset]:
    from xaigt.dataset.reading import load
    from xaigt.synthesis.generate import estimate_bytes, generate, measure_rate, prepare

    if study.data.dataset is not None:
        dataset = load(Path(study.data.dataset))
        return 0.0, 0.0, {name: len(dataset.split(name)) for name in ("train", "val", "test")}, dataset
    wanted = study.data.samples
    seconds = disk = 0.0
    probes: list[Dataset] = []
    for variant in dict.fromkeys(map(study.kind_of, study.variants)):
        recipe = recipe_of(study, variant)
        total = sum(wanted.values())
        shares = {name: count / total for name, count in wanted.items()}
        job = prepare(recipe, folder / variant, samples=total, seed=0, splits=shares, device="cpu")
        seconds += len(study.data.seeds) * total / measure_rate(job)
        disk += len(study.data.seeds) * estimate_bytes(job)
        if not probes:
            count = sum(PROBE.values())
            shares = {name: part / count for name, part in PROBE.items()}
            probes.append(load(generate(recipe, folder / variant, samples=count, splits=shares)))
    return seconds, disk, wanted, probes[0]


def _network(
    study: Study, network: str, dataset: Dataset, folder: Path, samples: dict[str, int], device: str
) -> dict[str, float]:
    """Seconds of training and explaining, and bytes of weights, of one cell of a network."""
    from xaigt.execution import THREADS, fixed_threads
    from xaigt.models import Settings, train
    from xaigt.studies import measuring

    settings = Settings.model_validate(
        {
            **study.training_of(study.variants[0]),
            "network": network,
            "epochs": 2,
            "schedule": "",
            "regime": "best",
            "target_accuracy": None,
        }
    )
    with fixed_threads():
        clock = time.perf_counter()
        run = train(dataset, settings, folder, device=device, threads=THREADS)
        passes = 2 * (len(dataset.split("train")) + len(dataset.split("val")) / 3)
        rate = passes / (time.perf_counter() - clock)
        known = measuring.evaluation(run, dataset, device).assign(use=measuring.SCORED)
        clock = time.perf_counter()
        count = min(len(known), 8)
        asked = study.explanation.model_copy(
            update={"samples": count, "effects": min(count, study.explanation.effects)}
        )
        measuring.measure(run, dataset, known, asked, device)
        a_sample = (time.perf_counter() - clock) / count
    wanted = _epochs(study) * (samples["train"] + samples["val"] / 3)
    file = folder / "best.safetensors"
    return {
        "train": wanted / rate, "explain": a_sample * study.explanation.samples, "weights": float(file.stat().st_size)
    }  # fmt: skip


def _epochs(study: Study) -> int:
    from xaigt.models import Settings

    return Settings.model_validate(study.training_of(study.variants[0])).total_epochs


def _pretraining(study: Study, samples: dict[str, int]) -> float:
    """Image passes of all pre-trainings."""
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
        passes += runs * len(study.grid.networks) * float(count) * float(chosen.get("epochs", 20))
    return passes


def _rows(study: Study) -> float:
    """Rows of the table of scores of one cell, at four stages of a method that has stages."""
    from xaigt.explainers.registry import UNTRAINED, find_explainer

    asked = study.explanation
    stages = 4 if asked.stages is None else len(asked.stages)
    maps = sum(stages if find_explainer(name.removeprefix(UNTRAINED)).level == "stage" else 1 for name in asked.methods)
    return float((maps + stages + 1) * asked.samples * len(asked.metrics))
