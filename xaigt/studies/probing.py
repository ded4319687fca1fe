"""A few samples rendered, a head trained, a few samples explained: from what an estimate is multiplied."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xaigt.studies import speed
from xaigt.studies.configuration import MAIN, Explanation, Study
from xaigt.studies.data import recipe_of

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset
    from xaigt.models.runs import Run

PROBE = {"train": 16, "val": 8, "test": 16}
"""Samples of the probe, on which a head is trained for one epoch, so that there is a network to explain."""
FEW, MORE, FEW_SECONDS = 1, 12, 2.0
"""Samples explained first, and after that where those took less than so many seconds; so many are scored."""

Depth = int | Literal["all"]


@dataclass(frozen=True)
class Data:
    """What all datasets take, the samples of a split, and a small dataset of each kind."""

    seconds: float
    bytes: float
    samples: dict[str, int]
    probes: dict[str, Dataset]


@dataclass(frozen=True)
class Network:
    """What a kind of network takes.

    Attributes
    ----------
    speeds, work
        Seconds, and operations, an image at each depth.
    fixed
        Seconds that a cell takes whatever it trains.
    weights
        Bytes.
    explained, replaced
        Seconds, and operations, a sample: its maps; replacing its lesions.
    score, used
        Seconds a sample: scores of its maps; those against the lesions that were used.
    """

    speeds: dict[Depth, speed.Speed]
    work: dict[Depth, speed.Speed]
    fixed: float
    weights: float
    explained: tuple[float, float]
    replaced: tuple[float, float]
    score: float
    used: float


def data(study: Study, folder: Path) -> Data:
    """Measure how fast samples are rendered, and make a few of each kind."""
    from xaigt.dataset.reading import load
    from xaigt.synthesis.generate import estimate_bytes, generate, measure_rate, prepare

    if study.data.dataset is not None:
        dataset = load(Path(study.data.dataset))
        return Data(0.0, 0.0, {name: len(dataset.split(name)) for name in PROBE}, {MAIN: dataset})
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
    return Data(seconds, disk, wanted, probes)


def network(study: Study, name: str, dataset: Dataset, folder: Path, device: str) -> Network:
    """Measure how fast a network is trained and explained, and count its arithmetic."""
    from xaigt.execution import THREADS, fixed_threads
    from xaigt.models import Settings, train

    base = study.training_of(study.variants[0])
    settings = Settings.model_validate(
        base | {"network": name, "epochs": 1, "schedule": "", "depth": 0, "regime": "best", "target_accuracy": None}
    )
    size = tuple(dataset.description["shape"])
    depths: list[Depth] = list(dict.fromkeys((*study.grid.depths, "all")))
    with fixed_threads():
        speeds = {depth: speed.measure(name, depth, size, settings.batch_size, device) for depth in depths}
        clock = time.perf_counter()
        run = train(dataset, settings, folder, device=device, threads=THREADS)
        fixed = time.perf_counter() - clock
        explained = _explained(study.explanation, run, dataset, device)
    weights = float((folder / "best.safetensors").stat().st_size)
    return Network(speeds, {depth: speed.count(name, depth, size) for depth in depths}, fixed, weights, *explained)


def _explained(
    asked: Explanation, run: Run, dataset: Dataset, device: str
) -> tuple[tuple[float, float], tuple[float, float], float, float]:
    """What the maps of a sample take, and its lesions, and both kinds of scores."""
    import torch

    from xaigt.studies import measuring
    from xaigt.studies.work import Counter

    network = run.network().to(device)
    known = measuring.evaluation(run, dataset, device).assign(use=measuring.SCORED)
    pairs = measuring.scored_pairs(run, dataset, known, MORE)
    with Counter() as maps_work:
        took, maps = _timed(lambda: measuring.explained(run, network, dataset, pairs[:FEW], asked, device))
    if took < FEW_SECONDS:  # else counting did not slow it down: its operations are large
        took, maps = _timed(lambda: measuring.explained(run, network, dataset, pairs, asked, device))
        took /= len(pairs)
    else:  # scores take no longer for maps that are all the same
        maps = {key: torch.cat([raw] * len(pairs)) for key, raw in maps.items()}
    few = {key: raw[:FEW] for key, raw in maps.items()}
    score, _ = _timed(lambda: measuring.scored(run, dataset, pairs[:FEW], few, asked))  # loads modules, too
    if score < FEW_SECONDS:
        score, _ = _timed(lambda: measuring.scored(run, dataset, pairs, maps, asked))
    else:
        pairs, maps = pairs[:FEW], few
    count = len(pairs)
    explained = took, maps_work.total / FEW
    if not asked.effects:
        return explained, (0.0, 0.0), score / count, 0.0
    with Counter() as work:
        replace, effects = _timed(lambda: measuring.replaced(run, network, dataset, pairs, device))
    used, _ = _timed(lambda: measuring.used_scores(run, dataset, pairs, maps, effects, asked))
    return explained, (replace / count, work.total / count), score / count, used / count


def _timed(function: Callable[[], Any]) -> tuple[float, Any]:
    clock = time.perf_counter()
    result = function()
    return time.perf_counter() - clock, result
