"""Ranking metrics: where the truth stands in the order of the map's values."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics.batch import SIGNS, MapBatch
from xaigt.metrics.declaration import UNINFORMATIVE_IS_CHANCE, UNINFORMATIVE_IS_SHARE, map_metric
from xaigt.metrics.distances import distance_to


def _share(batch: MapBatch) -> Tensor:
    return batch.share


def _expected_average_precision(batch: MapBatch) -> Tensor:
    n, k = batch.count.double(), batch.truth_count.double()
    harmonic = torch.digamma(n + 1) - torch.digamma(torch.ones_like(n))
    step = (k - 1) / (n - 1).clamp(min=1)
    return (harmonic * (1 - step) + n * step) / n


def _share_within(batch: MapBatch, tolerance: float) -> Tensor:
    if tolerance == 0:
        return batch.share
    near = (distance_to(batch) <= tolerance).flatten(1)
    near = near if batch.evaluated is None else near & batch.evaluated
    return near.sum(1).double() / batch.count


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance=_share,
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Relevance rank accuracy of Arras, Osman and Samek 2022 (CLEVR-XAI, doi "
    "10.1016/j.inffus.2021.11.008); precision at k of Oliveira et al. (arXiv 2306.12150)",
)
def precision_at_k(batch: MapBatch) -> Tensor:
    """Share of the k highest voxels that lie in the truth, k the number of truth voxels.

    Voxels that tie at the k-th value count by expectation over a random order of them, not by their place.
    """
    k = batch.truth_count
    threshold, greater, equal = batch.top(k)
    above, tied = batch.truth_from(threshold)
    return (above + (k - greater) * tied / equal.clamp(min=1)) / k


@map_metric(
    sorts=True,
    range=(0.0, 1.0),
    direction="higher",
    chance=_expected_average_precision,
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_SHARE,
    source="Area under the precision-recall steps, sum of (R_n - R_n-1) P_n, as in scikit-learn's "
    "average_precision_score; chance: expectation over random orders without ties",
)
def average_precision(batch: MapBatch) -> Tensor:
    """Mean, over the truth voxels, of the precision at the threshold that just includes them.

    Voxels that tie share one threshold, so a constant map scores the truth's share.
    """
    inside, below, _ = batch.truth_ranks
    positives = batch.truth_count[:, None] - torch.searchsorted(batch.ordered_truth, batch.ordered_truth)
    at_least = batch.ordered.shape[1] - below
    precision = torch.where(inside, positives.double() / at_least.clamp(min=1), 0.0)
    return precision.sum(1) / batch.truth_count


@map_metric(
    sorts=True,
    range=(0.0, 1.0),
    direction="higher",
    chance=0.5,
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Mann-Whitney U with ties at one half; equals scikit-learn's roc_auc_score",
)
def roc_auc(batch: MapBatch) -> Tensor:
    """Probability that a truth voxel is ranked above a voxel outside; ties count one half."""
    inside, below, up_to = batch.truth_ranks
    excluded = (batch.ordered.shape[1] - batch.count)[:, None]
    wins = torch.where(inside, (below + up_to).double() / 2 - excluded, 0.0).sum(1)
    k, n = batch.truth_count.double(), batch.count.double()
    # Pairs of truth voxels, each with itself included, add k^2 / 2 to the sum.
    return (wins - k * k / 2) / (k * (n - k))


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance=_share_within,
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Zhang et al. 2018 (Excitation Backprop; doi 10.1007/s11263-017-1059-x; tolerance 15 pixels)",
)
def pointing_game(batch: MapBatch, *, tolerance: float = 0.0) -> Tensor:
    """Whether the highest voxel lies in the truth, or within the tolerance of it.

    The tolerance is in mm where a spacing is given and in voxels otherwise, measured between voxel centres.
    Of several highest voxels the share that hits counts, so a constant map scores chance.
    """
    if not tolerance >= 0:
        raise XaigtError(f"tolerance must be 0 or more (mm with a spacing, else voxels); got {tolerance}.")
    highest = batch.limits[1]
    found = (batch.ranked == highest[:, None]).flatten().nonzero()[:, 0]
    rows = found // batch.ranked.shape[1]
    hits = batch.truth.flatten()[found]
    if tolerance > 0:
        hits = _near(batch, found, hits, float(tolerance))
    hit = torch.bincount(rows, weights=hits.double(), minlength=batch.size)
    return hit / torch.bincount(rows, minlength=batch.size).clamp(min=1)


def _near(batch: MapBatch, found: Tensor, hits: Tensor, tolerance: float) -> Tensor:
    """Let peaks outside the truth count too that lie within the tolerance of their sample's truth."""
    size, spacing = batch.values.shape[1], np.asarray(batch.spacing)
    peaks, truth, near = found.cpu().numpy(), batch.positions.cpu().numpy(), hits.cpu().numpy().copy()
    limits = np.searchsorted(truth, np.arange(batch.size + 1) * size)

    def points(positions: np.ndarray) -> np.ndarray:
        axes = np.unravel_index(positions % size, batch.shape)
        return np.asarray(np.stack(axes, 1) * spacing)

    for row in np.unique(peaks[~near] // size):
        missed = ~near & (peaks // size == row)
        own = truth[limits[row] : limits[row + 1]]
        if len(own):
            # A tree pays only for many peaks; a single one is compared with every truth voxel.
            here, there = points(peaks[missed]), points(own)
            if len(here) * len(own) <= 1 << 20:
                distance = np.sqrt(((here[:, None] - there[None]) ** 2).sum(-1)).min(1)
            else:
                distance, _ = cKDTree(there).query(here)
            near[missed] = distance <= tolerance * (1 + 1e-12)
    return torch.from_numpy(near).to(batch.device)
