"""Choose a threshold on one split, for use on another: all thresholds at once, in one pass over the maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.batch import Array, MapBatch
from xaigt.metrics.overlap import ratios
from xaigt.metrics.thresholds import Counts, TunedThreshold, scaled

THRESHOLDS = tuple(np.linspace(0.1, 0.9, 50).tolist())
FORBIDDEN = ("test", "testing", "final_test", "holdout")


class ThresholdTuner:
    """Collect voxel counts at every threshold, batch after batch, then choose.

    Parameters
    ----------
    split
        Name of the split the maps come from. A test split is refused.
    thresholds
        Candidates on the scaled map; a voxel is predicted where it is above.
    scale, sign
        As for :data:`xaigt.metrics.dice`.
    empty
        ``leave_out`` samples without truth, or ``count`` what is predicted in them (global only).
    block
        Maps a block; bounds the memory to about 16 bytes a voxel of the block.

    Raises
    ------
    XaigtError
        When handed the test split.
    """

    def __init__(
        self,
        split: str,
        *,
        thresholds: Sequence[float] = THRESHOLDS,
        scale: str = "minmax",
        sign: str = "relu",
        empty: str = "leave_out",
        block: int = 64,
    ) -> None:
        if str(split).strip().lower() in FORBIDDEN:
            raise XaigtError(
                f"A threshold must not be tuned on the split {split!r}: what is reported there would be "
                "optimistic. Tune on train or validation."
            )
        if empty not in ("leave_out", "count"):
            raise XaigtError(f"empty is 'leave_out' or 'count'; got {empty!r}.")
        if len(thresholds) == 0:
            raise XaigtError("thresholds is empty: give at least one candidate.")
        self.split, self.scale, self.sign, self.empty, self.block = str(split), scale, sign, empty, block
        self.thresholds = sorted(float(value) for value in thresholds)
        self._counts: list[Counts] = []
        self._samples: list[object] = []
        self._left_out = 0

    def update(
        self, maps: Array, masks: Array, *, samples: Iterable[object] | None = None, **batch: Any
    ) -> None:
        """Add maps ``[B, *S]`` and masks; ``samples`` names them; support and ignore as for every metric."""
        self._samples.extend(samples or ())
        for start in range(0, len(maps), self.block):
            part = slice(start, start + self.block)
            extra = {
                name: value[part]
                if name in ("support", "ignore") and getattr(value, "ndim", 0) == maps.ndim
                else value
                for name, value in batch.items()
            }
            self._add(MapBatch(maps[part], masks[part], sign=self.sign, **extra))

    def _add(self, batch: MapBatch) -> None:
        values = scaled(batch, batch.ranked, self.scale)
        edges = torch.tensor(self.thresholds, dtype=values.dtype, device=values.device)
        bins = len(edges) + 1
        # Bin b holds the values above b thresholds, so counts above a threshold are sums from the right.
        found = torch.bucketize(values, edges, out_int32=True)
        first = torch.arange(batch.size, device=values.device, dtype=torch.int32)[:, None] * bins
        found += first
        predicted = _from_right(torch.bincount(found.flatten(), minlength=batch.size * bins), bins)
        hit = _from_right(torch.bincount(found.flatten()[batch.positions], minlength=batch.size * bins), bins)
        keep = batch.defined() if self.empty == "leave_out" else batch.finite
        self._left_out += int((~keep).sum())
        wide = torch.ones_like(hit)
        self._counts.append(
            Counts(
                hit[keep].cpu(),
                predicted[keep].cpu(),
                (batch.truth_count[:, None] * wide)[keep].cpu(),
                (batch.count[:, None] * wide)[keep].cpu(),
            )
        )

    def result(self, objective: str = "dice", reduction: str = "global") -> TunedThreshold:
        """Choose the threshold with the largest objective, the smallest of several.

        Parameters
        ----------
        objective
            ``dice``, ``iou``, ``precision`` or ``recall``.
        reduction
            ``global`` pools the voxels of all samples; ``average`` takes the mean over samples.
        """
        used = sum(len(part.hit) for part in self._counts)
        if used == 0:
            raise XaigtError("No sample to tune a threshold on: every map or truth was left out.")
        fields = zip(*((c.hit, c.predicted, c.truth, c.evaluated) for c in self._counts), strict=True)
        counts = Counts(*(torch.cat(parts) for parts in fields))
        if reduction == "global":
            counts = Counts(
                *(f.sum(0) for f in (counts.hit, counts.predicted, counts.truth, counts.evaluated))
            )
        elif reduction != "average":
            raise XaigtError(f"reduction is 'global' or 'average'; got {reduction!r}.")
        values = ratios(counts)
        if objective not in values:
            raise XaigtError(f"Unknown objective {objective!r}: {nearest(objective, values)}.")
        curve = values[objective] if reduction == "global" else values[objective].nanmean(0)
        best = int(curve.argmax())
        return TunedThreshold(
            value=self.thresholds[best],
            scale=self.scale,
            sign=self.sign,
            objective=f"{objective} {reduction}",
            thresholds=tuple(self.thresholds),
            curve=tuple(curve.tolist()),
            split=self.split,
            samples=frozenset(self._samples),
            used=used,
            left_out=self._left_out,
        )


def _from_right(counts: Tensor, bins: int) -> Tensor:
    return counts.reshape(-1, bins).flip(1).cumsum(1).flip(1)[:, 1:].double()


def tune_threshold(
    maps: Array,
    masks: Array,
    *,
    split: str,
    samples: Iterable[object] | None = None,
    objective: str = "dice",
    reduction: str = "global",
    thresholds: Sequence[float] = THRESHOLDS,
    scale: str = "minmax",
    sign: str = "relu",
    empty: str = "leave_out",
    **batch: Any,
) -> TunedThreshold:
    """Choose the threshold that serves a tuning split best; see :class:`ThresholdTuner` for the parameters.

    By default 50 thresholds from 0.1 to 0.9 on min-max scaled maps and the best pooled Dice, the protocol of
    the hemorrhage CAM benchmark (arXiv 2508.17699, as read in its group's later public code).

    Examples
    --------
    >>> import torch
    >>> maps, masks = torch.rand(4, 8, 8), torch.zeros(4, 8, 8, dtype=torch.bool)
    >>> masks[:, 2:4, 2:4] = True
    >>> tune_threshold(masks.float() + 0.1 * maps, masks, split="validation").curve[-1]
    1.0
    """
    tuner = ThresholdTuner(split, thresholds=thresholds, scale=scale, sign=sign, empty=empty)
    tuner.update(maps, masks, samples=samples, **batch)
    return tuner.result(objective, reduction)
