"""Overlap of the thresholded map with the truth: Dice, IoU, precision, recall, a sample and pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaigt.metrics.batch import SIGNS, MapBatch
from xaigt.metrics.declaration import UNINFORMATIVE_IS_ZERO, map_metric
from xaigt.metrics.thresholds import Counts, ThresholdLike, count

if TYPE_CHECKING:
    import pandas as pd

_ABOUT = "Voxels above the threshold against the truth; a map that predicts nothing scores 0"


def ratios(counts: Counts) -> dict[str, Tensor]:
    """Dice, IoU, precision and recall of voxel counts; 0 where nothing is predicted, NaN without truth."""
    hit, predicted, truth = counts.hit, counts.predicted, counts.truth
    values = {
        "dice": 2 * hit / (predicted + truth),
        "iou": hit / (predicted + truth - hit),
        "precision": hit / predicted.clamp(min=1),
        "recall": hit / truth,
    }
    return {name: torch.where(truth > 0, value, torch.nan) for name, value in values.items()}


def _by_chance(counts: Counts) -> Counts:
    expected = counts.predicted * counts.truth / counts.evaluated
    return Counts(expected, counts.predicted, counts.truth, counts.evaluated)


def _expected(name: str) -> Any:
    # With the number of predicted voxels given, these three are linear in the hits, so their mean is exact.
    def chance(batch: MapBatch, threshold: ThresholdLike, scale: str) -> Tensor:
        return ratios(_by_chance(count(batch, threshold, scale)))[name]

    return chance


@map_metric(
    sorts=True,
    range=(0.0, 1.0),
    direction="higher",
    chance=_expected("dice"),
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=f"2 |P and T| / (|P| + |T|). {_ABOUT}",
)
def dice(batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax") -> Tensor:
    """Dice of the thresholded map and the truth."""
    return ratios(count(batch, threshold, scale))["dice"]


@map_metric(
    sorts=True,
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=f"|P and T| / |P or T|. {_ABOUT}; at a top fraction with ties, of the expected overlap",
)
def iou(batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax") -> Tensor:
    """Intersection over union of the thresholded map and the truth."""
    return ratios(count(batch, threshold, scale))["iou"]


@map_metric(
    sorts=True,
    range=(0.0, 1.0),
    direction="higher",
    chance=_expected("precision"),
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=f"|P and T| / |P|. {_ABOUT}",
)
def precision(batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax") -> Tensor:
    """Share of the thresholded map that is truth."""
    return ratios(count(batch, threshold, scale))["precision"]


@map_metric(
    sorts=True,
    range=(0.0, 1.0),
    direction="higher",
    chance=_expected("recall"),
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=f"|P and T| / |T|. {_ABOUT}",
)
def recall(batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax") -> Tensor:
    """Share of the truth that the thresholded map covers."""
    return ratios(count(batch, threshold, scale))["recall"]


def summarize(counts: Counts, defined: Tensor) -> pd.DataFrame:
    """Pool voxel counts over samples ("global"), and average the samples' ratios ("average").

    A pooled Dice D and a pooled IoU J always obey J = D / (2 - D); averages do not.

    Parameters
    ----------
    counts
        Of :func:`xaigt.metrics.thresholds.count`, all samples together.
    defined
        ``[B]``, which samples count.

    Returns
    -------
    pandas.DataFrame
        Columns metric, reduction, value, samples, left_out.
    """
    import pandas as pd

    kept = Counts(
        *(field[defined] for field in (counts.hit, counts.predicted, counts.truth, counts.evaluated))
    )
    totals = (kept.hit, kept.predicted, kept.truth, kept.evaluated)
    pooled = ratios(Counts(*(field.sum()[None] for field in totals)))
    single = ratios(kept)
    used, left_out = int(defined.sum()), int((~defined).sum())
    rows = [
        (name, reduction, float(values[name].mean()) if used else float("nan"), used, left_out)
        for reduction, values in (("global", pooled), ("average", single))
        for name in values
    ]
    return pd.DataFrame(rows, columns=["metric", "reduction", "value", "samples", "left_out"])


def pooled_overlap(
    maps: Any, masks: Any, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", **batch: Any
) -> pd.DataFrame:
    """Dice, IoU, precision and recall of a whole set, pooled over samples and averaged over samples.

    Parameters
    ----------
    maps, masks, **batch
        As for every metric of a map.
    threshold, scale
        As for :data:`dice`.

    Returns
    -------
    pandas.DataFrame
        Columns metric, reduction (``global`` or ``average``), value, samples, left_out. Left out, and
        counted, are samples whose truth is empty or everything, or whose map is not finite.
    """
    prepared = MapBatch(maps, masks, **batch)
    return summarize(count(prepared, threshold, scale), prepared.defined())
