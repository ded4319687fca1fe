"""From maps to masks: fixed, Otsu and top-fraction thresholds, counted without making the masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.batch import MapBatch

SCALES = ("minmax", "max", "none")
OTSU_BINS = 256


@dataclass(frozen=True)
class TunedThreshold:
    """A threshold that was chosen on one split, to be used on another (:func:`xaigt.metrics.tune_threshold`).

    Attributes
    ----------
    value
        Threshold on the scaled map.
    scale, sign
        How maps were scaled, and their sign policy.
    objective
        What was maximised, such as ``dice global``.
    thresholds, curve
        All thresholds tried and the objective at each.
    split
        Split it was chosen on.
    samples
        Samples it was chosen on, where the caller named them.
    used, left_out
        How many samples counted, and how many had no truth or no finite map.
    """

    value: float
    scale: str
    sign: str
    objective: str
    thresholds: tuple[float, ...]
    curve: tuple[float, ...]
    split: str
    samples: frozenset[object]
    used: int
    left_out: int

    def __str__(self) -> str:
        return f"tuned:{self.value:.6g}"

    def check(self, splits: set[object], samples: set[object]) -> None:
        """Refuse to score what the threshold was tuned on.

        Raises
        ------
        XaigtError
            If a split or a sample was already used to choose the threshold.
        """
        if self.split in splits:
            raise XaigtError(
                f"The threshold was tuned on split {self.split!r} and cannot be scored on it: score another."
            )
        shared = self.samples & samples
        if shared:
            raise XaigtError(
                f"{len(shared)} samples (such as {min(map(str, shared))}) were used to tune the threshold: "
                "score other samples."
            )


ThresholdLike = float | str | TunedThreshold


@dataclass(frozen=True)
class Threshold:
    """A parsed threshold: ``fixed`` value on the scaled map, ``otsu``, or ``top`` fraction."""

    kind: Literal["fixed", "otsu", "top"]
    value: float = 0.0

    @classmethod
    def parse(cls, threshold: ThresholdLike) -> Threshold:
        """Read a number, ``otsu``, ``top:0.05`` or a tuned threshold."""
        if isinstance(threshold, TunedThreshold):
            return cls("fixed", threshold.value)
        if threshold == "otsu":
            return cls("otsu")
        kind, _, rest = threshold.partition(":") if isinstance(threshold, str) else ("fixed", "", threshold)
        try:
            value = float(rest if kind in ("fixed", "top") else threshold)
        except ValueError:
            value = float("nan")
        if kind == "top" and 0 < value <= 1:
            return cls("top", value)
        if kind != "top" and value == value:
            return cls("fixed", value)
        raise XaigtError(f"threshold is a number, 'otsu', 'top:0.05' or a tuned threshold; got {threshold!r}.")


@dataclass(frozen=True)
class Counts:
    """Voxel counts of a thresholded map against the truth, each ``[B]``, float64."""

    hit: Tensor
    predicted: Tensor
    truth: Tensor
    evaluated: Tensor


def scaled(batch: MapBatch, values: Tensor, scale: str) -> Tensor:
    """Scale values of a batch to [0, 1] by ``minmax``, by ``max`` or not at all; constant maps become 0."""
    if scale not in SCALES:
        raise XaigtError(f"Unknown scale {scale!r}: {nearest(str(scale), SCALES)}.")
    if scale == "none":
        return values
    low, high = batch.limits
    low = torch.zeros_like(low) if scale == "max" else low
    span = high - low
    return (values - low[:, None]) / torch.where(span > 0, span, 1)[:, None]


def count(batch: MapBatch, threshold: ThresholdLike, scale: str = "minmax") -> Counts:
    """Count voxels above a threshold, and those among them that are truth, from the sorted values.

    Ties at a top fraction count by expectation over a random order of them.
    """
    parsed = _checked(batch, threshold, scale)
    if parsed.kind == "top":
        k = _top_count(batch, parsed.value)
        limit, greater, equal = batch.top(k)
        above, tied = batch.truth_from(limit)
        hit, predicted = above + (k - greater) * tied / equal.clamp(min=1), k
    else:
        cut, order, truth = _cut(batch, parsed, scale)
        predicted = order.shape[1] - torch.searchsorted(order, cut[:, None], right=True)[:, 0]
        hit = batch.truth_count - torch.searchsorted(truth, cut[:, None], right=True)[:, 0].clamp(max=batch.truth_count)
    return Counts(hit.double(), predicted.double(), batch.truth_count.double(), batch.count.double())


def binarize(batch: MapBatch, threshold: ThresholdLike, scale: str = "minmax") -> Tensor:
    """Mask of the voxels above a threshold, ``[B, *S]``, bool.

    At a top fraction, voxels that tie at the limit are taken all together if they fit, or not at all.
    """
    parsed = _checked(batch, threshold, scale)
    if parsed.kind == "top":
        k = _top_count(batch, parsed.value)
        limit, greater, equal = batch.top(k)
        fits = (greater + equal <= k)[:, None]
        above = torch.where(fits, batch.ranked >= limit[:, None], batch.ranked > limit[:, None])
    elif parsed.kind == "otsu":
        above = batch.ranked > otsu(batch)[:, None]
    else:
        above = scaled(batch, batch.ranked, scale) > parsed.value
    if batch.evaluated is not None:
        above = above & batch.evaluated
    return above.reshape(batch.size, *batch.shape)


def otsu(batch: MapBatch) -> Tensor:
    """Otsu's threshold of the evaluated values, ``[B]``: 256 bins between their limits, bin centres.

    Same as scikit-image's ``threshold_otsu``. Source: Otsu 1979, doi 10.1109/TSMC.1979.4310076.
    """
    low, high = batch.limits
    steps = torch.linspace(0, 1, OTSU_BINS + 1, dtype=batch.values.dtype, device=batch.device)
    edges = low[:, None] + (high - low)[:, None] * steps
    edges[:, -1] = high
    below = torch.searchsorted(batch.ordered, edges)
    below[:, -1] = batch.ordered.shape[1]
    below[:, 0] = batch.ordered.shape[1] - batch.count
    counts = below.diff(dim=1).double()
    centres = ((edges[:, 1:] + edges[:, :-1]) / 2).double()
    first, second = counts.cumsum(1), counts.flip(1).cumsum(1).flip(1)
    mean_first = (counts * centres).cumsum(1) / first
    mean_second = (counts * centres).flip(1).cumsum(1).flip(1) / second
    between = first[:, :-1] * second[:, 1:] * (mean_first[:, :-1] - mean_second[:, 1:]) ** 2
    best = between.nan_to_num(-1).argmax(1)
    cut = centres.gather(1, best[:, None])[:, 0].to(batch.values.dtype)
    return torch.where(high > low, cut, high)


def _cut(batch: MapBatch, threshold: Threshold, scale: str) -> tuple[Tensor, Tensor, Tensor]:
    if threshold.kind == "otsu":
        return otsu(batch), batch.ordered, batch.ordered_truth
    cut = torch.full_like(batch.limits[0], threshold.value)
    return cut, scaled(batch, batch.ordered, scale), scaled(batch, batch.ordered_truth, scale)


def _top_count(batch: MapBatch, fraction: float) -> Tensor:
    return (batch.count * fraction).round().long().clamp(min=1).minimum(batch.count)


def _checked(batch: MapBatch, threshold: ThresholdLike, scale: str) -> Threshold:
    if isinstance(threshold, TunedThreshold) and (threshold.sign, threshold.scale) != (batch.sign, scale):
        raise XaigtError(
            f"The threshold was tuned with sign={threshold.sign!r}, scale={threshold.scale!r}; "
            f"these maps have sign={batch.sign!r}, scale={scale!r}."
        )
    return Threshold.parse(threshold)
