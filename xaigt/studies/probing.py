"""A few samples rendered, a head trained, a few samples explained: from what an estimate is multiplied."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xaigt.studies import speed
from xaigt.studies.configuration import MAIN, Study
from xaigt.studies.data import recipe_of

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset

PROBE = {"train": 16, "val": 8, "test": 16}
"""Samples of the probe, on which a head is trained for one epoch, so that there is a network to explain."""
FEW, MORE, FEW_SECONDS = 1, 12, 2.0
"""Samples explained first, and after that where those took less than so many seconds."""

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
    explain, score, effects
        Seconds a sample: its maps; their scores; replacing its lesions and scoring its maps again.
    explain_work
        Operations of the maps of a sample.
    weights
        Bytes.
    """

    speeds: dict[Depth, speed.Speed]
    work: dict[Depth, speed.Speed]
    fixed: float
    explain: float
    score: float
    effects: float
    explain_work: float
    weights: float


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
    from xaigt.studies import measuring
    from xaigt.studies.work import Counter

    base = study.training_of(study.variants[0])
    settings = Settings.model_validate(
        base | {"network": name, "epochs": 1, "schedule": "", "depth": 0, "regime": "best", "target_accuracy": None}
    )
    size, counter = tuple(dataset.description["shape"]), Counter()
    depths: list[Depth] = list(dict.fromkeys((*study.grid.depths, "all")))
    with fixed_threads():
        speeds = {depth: speed.measure(name, depth, size, settings.batch_size, device) for depth in depths}
        clock = time.perf_counter()
        run = train(dataset, settings, folder, device=device, threads=THREADS)
        fixed = time.perf_counter() - clock
        known = measuring.evaluation(run, dataset, device).assign(use=measuring.SCORED)
        for count in (FEW, MORE):
            effects = min(count, study.explanation.effects)
            asked = study.explanation.model_copy(update={"samples": count, "effects": effects})
            clock = time.perf_counter()
            # Counting slows down small operations, so few are counted; where one sample takes long, they are not small.
            watched = counter if count == FEW else None
            found = measuring.measure(run, dataset, known, asked, device, watched=watched).seconds
            if time.perf_counter() - clock > FEW_SECONDS:
                break
    return Network(
        speeds, {depth: speed.count(name, depth, size) for depth in depths}, fixed, found["explain"] / count,
        found["score"] / count, found["effects"] / count, counter.total / FEW,
        float((folder / "best.safetensors").stat().st_size),
    )  # fmt: skip
