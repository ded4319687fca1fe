"""Pre-training once for each arm, network and replicate, before the cells that share it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xaigt import cache
from xaigt.errors import XaigtError
from xaigt.studies.folder import PRETRAINING, StudyFolder
from xaigt.studies.grid import NO_PRETRAINING
from xaigt.studies.job import Job


@dataclass(frozen=True)
class Pretrained:
    """What became of one pre-training.

    Attributes
    ----------
    name
        Its identity; "" if it failed.
    """

    name: str
    seconds: float
    error: str = ""


def needed(jobs: Sequence[Job]) -> list[Job]:
    """One job for each pre-training that some cell needs."""
    found: dict[tuple[Any, ...], Job] = {}
    for job in jobs:
        if job.cell.settings.arm not in NO_PRETRAINING:
            found.setdefault(job.cell.pretraining, job)
    return list(found.values())


def pretrain(job: Job) -> Pretrained:
    """Start the network of a cell, so that its pre-training is computed; keep it in the folder of the study.

    An arm that cannot be had is told by each of its cells; here it only does not stop the others.
    """
    from xaigt.dataset.reading import load
    from xaigt.execution import THREADS
    from xaigt.models.arms import Context, start
    from xaigt.models.inputs import outputs_of
    from xaigt.models.loop import deterministic

    provide(job.study)
    clock = time.perf_counter()
    settings, dataset = job.cell.settings, load(job.data)
    size = tuple(dataset.description["shape"])
    context = Context(
        settings, dataset, outputs_of(dataset, settings), size, job.weights, job.download, job.device, None
    )
    try:
        with deterministic(THREADS):
            begun = start(context)
    except XaigtError as error:
        return Pretrained("", time.perf_counter() - clock, str(error))
    _keep(job.study, begun.pretrain_id)
    return Pretrained(begun.pretrain_id, time.perf_counter() - clock)


def _cached(name: str) -> Path:
    return cache.folder() / "pretraining" / name


def _keep(study: Path, name: str) -> None:
    """Copy weights and record of a pre-training into the study; an arm of published weights has none to keep."""
    from xaigt.models.arms.pretraining import RECORD, STAGES

    source, target = _cached(name), StudyFolder(study).path / PRETRAINING / name
    if not (source / RECORD).exists() or (target / RECORD).exists():
        return
    with cache.locked(target):
        _copy(source, target, (STAGES, RECORD))


def provide(study: Path) -> None:
    """Put the pre-trainings of a study into this machine's cache: on a cluster, another machine computed them."""
    from xaigt.models.arms.pretraining import RECORD, STAGES

    for kept in sorted((study / PRETRAINING).glob(f"*/{RECORD}")):
        target = _cached(kept.parent.name)
        if not (target / RECORD).exists():
            with cache.locked(target):
                _copy(kept.parent, target, (STAGES, RECORD))


def _copy(source: Path, target: Path, names: Sequence[str]) -> None:
    """Copy files, the last of which says that all are there."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        with cache.whole(target / name) as temporary:
            shutil.copyfile(source / name, temporary)
