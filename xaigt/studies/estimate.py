"""What a study will take, before it is begun: time measured on a short probe, arithmetic counted, disk from sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from xaigt.studies import probing
from xaigt.studies.configuration import Study
from xaigt.studies.grid import NO_PRETRAINING, PUBLISHED
from xaigt.studies.grid import size as cells
from xaigt.studies.speed import Speed

PARTS = ("data", "pre-training", "training", "explaining", "replacing lesions", "scoring")
ON_GPU = ("pre-training", "training", "explaining", "replacing lesions")
"""Parts whose time is that of a network: on a GPU those, and nothing else, are faster."""
TFLOPS = 10.0
"""What a GPU is assumed to sustain, in 10^12 floating-point operations a second. It is about half of the 19.5 that are
the single-precision peak of an NVIDIA A100 by its data sheet. Not a measurement."""
BYTES_A_ROW = 24.0  # of the table of scores, compressed: a study's cell keeps it, and the joined table too
VALIDATION = 1 / 3  # time of an image that is only classified, over that of one that is trained on


@dataclass(frozen=True)
class Estimate:
    """Seconds of one process by part, arithmetic by part, bytes by part.

    Attributes
    ----------
    cells
        Number of cells.
    seconds
        Of each of :data:`PARTS`, all cells together.
    work
        Floating-point operations of the networks in each of :data:`ON_GPU`.
    disk
        ``data``, ``weights``, ``tables``.
    """

    cells: int
    seconds: dict[str, float]
    work: dict[str, float]
    disk: dict[str, float]

    def wall(self, workers: int) -> float:
        """Seconds with so many processes."""
        return sum(self.seconds.values()) / max(workers, 1)

    def on_gpu(self, tflops: float, cpus: int) -> dict[str, float]:
        """Seconds of each part if a GPU sustained so much arithmetic, in 10^12 operations a second.

        Data are made by all CPUs; what else is not arithmetic of a network takes as long as here, in one process.
        """
        elsewhere = {name: self.seconds[name] for name in PARTS if name not in ON_GPU}
        elsewhere["data"] /= max(cpus, 1)
        return {name: self.work[name] / (tflops * 1e12) if name in ON_GPU else elsewhere[name] for name in PARTS}


def estimate(study: Study, device: str = "cpu") -> Estimate:
    """Render, train, explain and score a few samples, and multiply; count the arithmetic of the networks meanwhile.

    Steps of training are timed on random numbers, for each depth; pre-training counts as training of all stages. The
    analysis and the report are not in it.
    """
    seconds, work = dict.fromkeys(PARTS, 0.0), dict.fromkeys(ON_GPU, 0.0)
    total, weights = cells(study), 0.0
    with TemporaryDirectory(prefix="xaigt-estimate-") as folder:
        made = probing.data(study, Path(folder))
        seconds["data"] = made.seconds
        count = total / len(study.variants) / len(study.grid.networks)
        for kind, dataset in made.probes.items():
            regimes = [variant for variant in study.variants if study.kind_of(variant) == kind]
            for network in study.grid.networks:
                found = probing.network(study, network, dataset, Path(folder) / kind / network, device)
                for variant in regimes:
                    seconds["pre-training"] += _pretraining(study) * found.speeds["all"].step
                    work["pre-training"] += _pretraining(study) * found.work["all"].step
                    for depth in study.grid.depths:
                        share = count / len(study.grid.depths)
                        seconds["training"] += share * (
                            found.fixed + _train(study, variant, found.speeds[depth], made.samples)
                        )
                        work["training"] += share * _train(study, variant, found.work[depth], made.samples)
                    explained = count * study.explanation.samples
                    replaced = count * min(study.explanation.effects, study.explanation.samples)
                    for part, times, took in (
                        ("explaining", explained, found.explained), ("replacing lesions", replaced, found.replaced)
                    ):  # fmt: skip
                        seconds[part] += times * took[0]
                        work[part] += times * took[1]
                    seconds["scoring"] += explained * found.score + replaced * found.used
                    weights += count * found.weights
                weights += _runs(study) * found.weights * len(regimes)
    return Estimate(
        total, seconds, work, {"data": made.bytes, "weights": weights, "tables": total * _rows(study) * BYTES_A_ROW}
    )


def _train(study: Study, variant: str, found: Speed, samples: dict[str, int]) -> float:
    """Seconds, or operations, of one training: its epochs, the frozen stages once, and predictions at the end."""
    from xaigt.models import Settings

    settings = Settings.model_validate(study.training_of(variant))
    passes = samples["train"] + VALIDATION * samples["val"]
    again = found.step + (found.prefix if settings.augment else 0.0)
    return settings.total_epochs * passes * again + sum(samples.values()) * (found.prefix + found.forward)


def _pretrained(study: Study) -> list[str]:
    """Arms that are pre-trained by us."""
    return [arm for arm in study.grid.arms if arm not in NO_PRETRAINING and arm not in PUBLISHED]


def _runs(study: Study) -> int:
    """Pre-training runs of a network."""
    seeds = study.grid.pretrain_seeds
    return len(_pretrained(study)) * (len(study.grid.seeds) if seeds == "by-seed" else len(seeds))


def _pretraining(study: Study) -> float:
    """Images that all pre-trainings of a network pass."""
    from importlib import import_module
    from math import prod

    passes = 0.0
    for arm in _pretrained(study):
        defaults = getattr(import_module(f"xaigt.models.arms.{arm}"), "DEFAULTS", {})
        chosen = {**defaults, **study.grid.arm_options.get(arm, {})}
        count = chosen.get("samples", prod([chosen.get("categories", 1), chosen.get("instances", 1)]))
        passes += _runs(study) / len(_pretrained(study)) * float(count) * float(chosen.get("epochs", 20))
    return passes


def _rows(study: Study) -> float:
    """Rows of the table of scores of one cell, at four stages of a method that has stages."""
    from xaigt.explainers.registry import UNTRAINED, find_explainer

    asked = study.explanation
    stages = 4 if asked.stages is None else len(asked.stages)
    maps = sum(stages if find_explainer(name.removeprefix(UNTRAINED)).level == "stage" else 1 for name in asked.methods)
    return float((maps + stages + 1) * asked.samples * len(asked.metrics))
