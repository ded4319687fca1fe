"""Chance by permutation: what maps score whose values lie at random inside the support."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics.batch import Array, MapBatch
from xaigt.metrics.declaration import MapMetric


@dataclass(frozen=True)
class ChanceLevel:
    """Scores of permuted maps, each ``[B]``: their mean, their standard error, and the interval they fill."""

    mean: Tensor
    error: Tensor
    low: Tensor
    high: Tensor


def shuffled_maps(
    maps: Array,
    *,
    count: int = 1,
    seed: int | Sequence[int] = 0,
    support: Array | None = None,
    ignore: Array | None = None,
) -> Iterator[Tensor]:
    """Yield maps ``[B, *S]`` whose evaluated values lie at random: the chance level of any metric's maps.

    Parameters
    ----------
    maps, support, ignore
        As for every metric of a map.
    count
        How many to yield.
    seed
        One number, from which sample i draws stream i; or one number a sample.
    """
    raw = torch.as_tensor(maps).detach()
    prepared = MapBatch(raw, torch.zeros_like(raw), support=support, ignore=ignore, sign="signed")
    seeds = [(seed, i) for i in range(prepared.size)] if isinstance(seed, int) else [(s,) for s in seed]
    if len(seeds) != prepared.size:
        raise XaigtError(f"{len(seeds)} seeds for {prepared.size} samples.")
    streams = [np.random.default_rng(list(entropy)) for entropy in seeds]
    values = raw.flatten(1).cpu().numpy().copy()
    inside = np.ones(values.shape, bool) if prepared.evaluated is None else prepared.evaluated.cpu().numpy()
    for _ in range(count):
        for row, kept, stream in zip(values, inside, streams, strict=True):
            row[kept] = stream.permutation(row[kept])
        yield torch.from_numpy(values.reshape(-1, *prepared.shape).copy()).to(prepared.device)


def permutation_chance(
    metric: MapMetric,
    maps: Array,
    masks: Array,
    *,
    permutations: int = 100,
    seed: int | Sequence[int] = 0,
    level: float = 0.95,
    support: Array | None = None,
    ignore: Array | None = None,
    **batch: Any,
) -> ChanceLevel:
    """Score maps whose evaluated values are shuffled, so that nothing but their histogram is left.

    A shuffled map is rougher than any real one: for metrics of shape (boxes, components, surfaces) this is
    the chance level of noise, not of a smooth map at a random place.

    Parameters
    ----------
    metric
        A metric of a map.
    maps, masks, support, ignore, **batch
        As for the metric.
    permutations
        Shuffles a sample.
    seed
        One number, from which sample i draws stream i; or one number a sample.
    level
        Share of the shuffles inside the interval.
    """
    if permutations < 2 or not 0 < level < 1:
        raise XaigtError("permutation_chance needs at least 2 permutations and a level between 0 and 1.")
    shuffles = shuffled_maps(maps, count=permutations, seed=seed, support=support, ignore=ignore)
    scores = [metric(drawn, masks, support=support, ignore=ignore, **batch) for drawn in shuffles]
    drawn = torch.stack(scores)
    tail = (1 - level) / 2
    return ChanceLevel(
        mean=drawn.mean(0),
        error=drawn.std(0) / permutations**0.5,
        low=drawn.quantile(tail, dim=0),
        high=drawn.quantile(1 - tail, dim=0),
    )
