"""Metrics of boxes: bounding boxes of the predicted components against those of the lesions."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from xaigt.metrics.batch import SIGNS, MapBatch
from xaigt.metrics.boxes import Box, find_boxes, paint
from xaigt.metrics.components import label
from xaigt.metrics.declaration import UNINFORMATIVE_IS_ZERO, map_metric
from xaigt.metrics.thresholds import Counts, ThresholdLike, binarize

_UNION = (
    "Filled union of all boxes of a sample, no matching: the box score of the hemorrhage CAM benchmark "
    "(arXiv 2508.17699, as read in its group's later public code)"
)
_MATCHED = (
    "Boxes paired one to one so that the sum of their overlaps is largest (Hungarian method, scipy); a box "
    "without partner counts as 0"
)


def _boxes(
    batch: MapBatch, threshold: ThresholdLike, scale: str, connectivity: int | None
) -> tuple[list[list[Box]], list[list[Box]]]:
    # Keys by value, so that box metrics of one batch share the components.
    shared = batch.shared.setdefault("boxes", {})
    key = (str(threshold), scale, connectivity)
    if key not in shared:
        shared[key] = find_boxes(label(binarize(batch, threshold, scale), connectivity))
    if "truth" not in shared:
        shared["truth"] = find_boxes(batch.labels)
    return shared[key], shared["truth"]


def _union_counts(batch: MapBatch, threshold: ThresholdLike, scale: str, connectivity: int | None) -> Counts:
    predicted, truth = (paint(boxes, batch.shape) for boxes in _boxes(batch, threshold, scale, connectivity))
    flat = [both.reshape(batch.size, -1) for both in (predicted & truth, predicted, truth)]
    sums = [torch.from_numpy(np.count_nonzero(mask, axis=1)).to(batch.device).double() for mask in flat]
    return Counts(sums[0], sums[1], sums[2], batch.count.double())


def _matched(
    batch: MapBatch, threshold: ThresholdLike, scale: str, connectivity: int | None, measure: str
) -> Tensor:
    found = []
    for predicted, truth in zip(*_boxes(batch, threshold, scale, connectivity), strict=True):
        overlaps = overlap_matrix(predicted, truth, measure)
        rows, columns = linear_sum_assignment(overlaps, maximize=True)
        found.append(overlaps[rows, columns].sum() / max(len(predicted), len(truth), 1))
    return torch.tensor(found, dtype=torch.float64, device=batch.device)


def overlap_matrix(predicted: list[Box], truth: list[Box], measure: str) -> np.ndarray:
    """IoU or Dice of every pair of boxes, ``[predicted, truth]``."""
    first, second = _corners(predicted, truth), _corners(truth, predicted)
    low = np.maximum(first[:, None, 0], second[None, :, 0])
    high = np.minimum(first[:, None, 1], second[None, :, 1])
    shared = (high - low).clip(0).prod(-1)
    sizes = (first[:, 1] - first[:, 0]).prod(-1)[:, None] + (second[:, 1] - second[:, 0]).prod(-1)[None, :]
    ratio: np.ndarray = shared / (sizes - shared) if measure == "iou" else 2 * shared / sizes
    return ratio


def _corners(boxes: list[Box], other: list[Box]) -> np.ndarray:
    dims = len((boxes or other)[0]) if boxes or other else 1
    flat = [[side.start for side in box] + [side.stop for side in box] for box in boxes]
    return np.array(flat, dtype=np.int64).reshape(len(boxes), 2, dims)


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=_UNION,
)
def box_iou(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", connectivity: int | None = None
) -> Tensor:
    """IoU of the union of the predicted components' boxes and the union of the lesions' boxes."""
    counts = _union_counts(batch, threshold, scale, connectivity)
    return counts.hit / (counts.predicted + counts.truth - counts.hit).clamp(min=1)


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=_UNION,
)
def box_dice(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", connectivity: int | None = None
) -> Tensor:
    """Dice of the union of the predicted components' boxes and the union of the lesions' boxes."""
    counts = _union_counts(batch, threshold, scale, connectivity)
    return 2 * counts.hit / (counts.predicted + counts.truth).clamp(min=1)


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=_MATCHED,
)
def matched_box_iou(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", connectivity: int | None = None
) -> Tensor:
    """Mean IoU of optimally matched boxes, over the larger of the two numbers of boxes."""
    return _matched(batch, threshold, scale, connectivity, "iou")


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=_MATCHED,
)
def matched_box_dice(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", connectivity: int | None = None
) -> Tensor:
    """Mean Dice of optimally matched boxes, over the larger of the two numbers of boxes."""
    return _matched(batch, threshold, scale, connectivity, "dice")


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source="Averaged, the share of samples with any overlap: the loose hit rate of the hemorrhage CAM "
    "benchmark (arXiv 2508.17699)",
)
def loose_hit(batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax") -> Tensor:
    """Whether the thresholded map overlaps the truth anywhere (1) or not (0)."""
    above = binarize(batch, threshold, scale).flatten(1)
    return (above & batch.truth).any(1).double()
