"""Transport: how far a map's mass would have to move to become the truth."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xaigt.errors import XaigtError
from xaigt.metrics.batch import MapBatch
from xaigt.metrics.declaration import map_metric

GRID = {2: 32, 3: 12}


def coarsen(values: Tensor, cells: int) -> Tensor:
    """Sum values ``[B, *S]`` over the cells of a grid of at most ``cells`` an axis; the mass is kept."""
    dims = values.ndim - 1
    steps = [math.ceil(size / cells) for size in values.shape[1:]]
    short = [(-size) % step for size, step in zip(values.shape[1:], steps, strict=True)]
    padded = functional.pad(values, [n for pad in reversed(short) for n in (0, pad)])
    pool = functional.avg_pool2d if dims == 2 else functional.avg_pool3d
    return pool(padded[:, None], steps)[:, 0] * math.prod(steps)


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=("relu", "abs"),
    degenerate={"all-zero map": "nan", "constant map": "any"},
    source="Earth mover's score of XAI-TRIS and EXACT: 1 - EMD(truth / sum, map / sum) / largest distance, "
    "Euclidean cost; solved by POT, exactly on a coarse grid or with entropic regularisation",
)
def earth_mover(batch: MapBatch, *, grid: int = 0, entropic: float = 0.0, iterations: int = 2000) -> Tensor:
    """Earth mover's score: 1 where the map's mass lies as the truth's does, 0 at the largest distance.

    Maps and truth are summed over a grid of at most ``grid`` cells an axis (0: 32 in 2-D, 12 in 3-D), costs
    are distances between cell centres in mm (voxels without a spacing), and the largest distance is that of
    the grid's opposite corners. With ``entropic`` above 0 the plan is regularised by that fraction of the
    largest distance (Sinkhorn), and the cost of its plan, which is never smaller than the exact one, counts.
    """
    cells = grid or GRID[len(batch.shape)]
    if cells < 2 or entropic < 0:
        raise XaigtError(
            f"earth_mover needs a grid of 2 cells or more and entropic >= 0; got {cells}, {entropic}."
        )
    shape = (batch.size, *batch.shape)
    maps = coarsen(batch.values.double().reshape(shape), cells)
    truth = coarsen(batch.truth.double().reshape(shape), cells)
    steps = [math.ceil(size / cells) for size in batch.shape]
    points = _centres(tuple(maps.shape[1:]), [n * mm for n, mm in zip(steps, batch.spacing, strict=True)])
    farthest = float(np.linalg.norm(points[-1] - points[0]))
    found = [
        _cost(source, target, points, farthest, entropic, iterations) / farthest
        for source, target in zip(maps.flatten(1).cpu().numpy(), truth.flatten(1).cpu().numpy(), strict=True)
    ]
    return 1 - torch.tensor(found, dtype=torch.float64, device=batch.device)


def _centres(shape: tuple[int, ...], steps: list[float]) -> np.ndarray:
    axes = [(np.arange(size) + 0.5) * step for size, step in zip(shape, steps, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(shape))


def _cost(
    source: np.ndarray,
    target: np.ndarray,
    points: np.ndarray,
    farthest: float,
    entropic: float,
    iterations: int,
) -> float:
    import ot

    if not (source.sum() > 0 and target.sum() > 0):
        return math.nan
    here, there = source > 0, target > 0
    mass, truth = source[here] / source.sum(), target[there] / target.sum()
    cost = ot.dist(points[here], points[there], metric="euclidean")
    if entropic:
        plan = ot.sinkhorn(
            mass, truth, cost, entropic * farthest, method="sinkhorn_log", numItermax=iterations, warn=False
        )
        return float((plan * cost).sum())
    return float(ot.emd2(mass, truth, cost, numItermax=1_000_000))
