"""A batch of maps and truth, prepared once: what the metrics share is computed when first asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.components import Instances, label
from xaigt.metrics.selection import row_sums, sort_rows, top

Array = Tensor | np.ndarray[Any, Any]
SIGNS = ("relu", "abs", "signed")


class MapBatch:
    """Maps and masks over the evaluated voxels: inside the support and not ignored.

    Parameters
    ----------
    maps
        ``[B, *S]``, two or three spatial axes.
    masks
        ``[B, *S]``: truth where not zero; integers are instance numbers.
    support, ignore
        ``[B, *S]`` or ``[*S]``, see :class:`xaigt.metrics.MapMetric`.
    spacing
        Voxel size in mm, one number an axis; voxels of size 1 by default.
    sign
        ``relu`` keeps what speaks for the target, ``abs`` the strength, ``signed`` everything.
    regions
        Further masks by name.

    Attributes
    ----------
    signed
        ``[B, N]``, the maps; 0 at voxels that are not evaluated and in maps that are not finite.
    values
        ``[B, N]``, the maps after the sign policy.
    truth
        ``[B, N]``, bool, the truth among the evaluated voxels.
    """

    def __init__(
        self,
        maps: Array,
        masks: Array,
        *,
        support: Array | None = None,
        ignore: Array | None = None,
        spacing: Sequence[float] | None = None,
        sign: str = "relu",
        regions: Mapping[str, Array] | None = None,
    ) -> None:
        if sign not in SIGNS:
            raise XaigtError(f"Unknown sign policy {sign!r}: {nearest(str(sign), SIGNS)}.")
        raw = torch.as_tensor(maps).detach()
        if raw.ndim not in (3, 4):
            raise XaigtError(
                f"maps are [batch, height, width] or [batch, depth, height, width]; got {list(raw.shape)}."
            )
        if raw.dtype not in (torch.float32, torch.float64):
            raw = raw.to(torch.float32)
        self.sign = sign
        self.shared: dict[str, Any] = {}  # what metrics of one family leave for each other
        self.device = raw.device
        self.shape = tuple(raw.shape[1:])
        self.size = raw.shape[0]
        self.spacing = _spacing(spacing, len(self.shape))
        self.in_mm = spacing is not None
        self.masks = self._mask(masks, "masks", batched=True)
        evaluated = None if support is None else self._mask(support, "support") != 0
        if ignore is not None:
            kept = self._mask(ignore, "ignore") == 0
            evaluated = kept if evaluated is None else evaluated & kept
        self.evaluated = None if evaluated is None else evaluated.expand(self.size, *self.shape).flatten(1)
        self._regions = {name: self._mask(mask, name) for name, mask in (regions or {}).items()}
        flat = raw.flatten(1)
        if self.evaluated is not None:
            flat = torch.where(self.evaluated, flat, 0)
        self.finite = _finite(flat)
        if not bool(self.finite.all()):
            flat = torch.where(self.finite[:, None], flat, 0)
        self.signed = flat

    def _mask(self, mask: Array, name: str, *, batched: bool = False) -> Tensor:
        tensor = torch.as_tensor(mask).to(self.device)
        if not batched and tuple(tensor.shape) == self.shape:
            tensor = tensor[None]
        expected = (self.size, *self.shape)
        if tuple(tensor.shape[1:]) != self.shape or tensor.shape[0] not in (
            (self.size,) if batched else (1, self.size)
        ):
            hint = " Resize the maps first: xaigt.metrics.resize(maps, masks.shape[1:])." if name == "masks" else ""
            raise XaigtError(f"{name} has shape {list(tensor.shape)}; the maps ask for {list(expected)}.{hint}")
        if tensor.is_floating_point():
            tensor = tensor != 0
        return tensor

    def _after_sign(self, values: Tensor) -> Tensor:
        return values.clamp(min=0) if self.sign == "relu" else values.abs() if self.sign == "abs" else values

    @cached_property
    def values(self) -> Tensor:
        """``[B, N]``: the maps after the sign policy; 0 at voxels that are not evaluated."""
        return self._after_sign(self.signed)

    # -- truth ---------------------------------------------------------------------------------------------

    def _within(self, mask: Tensor) -> Tensor:
        inside = mask.expand(self.size, *self.shape).flatten(1)
        inside = inside if inside.dtype == torch.bool else inside != 0
        return inside if self.evaluated is None else inside & self.evaluated

    @cached_property
    def truth(self) -> Tensor:
        """``[B, N]``, bool: truth among the evaluated voxels."""
        return self._within(self.masks)

    def region(self, name: str) -> Tensor:
        """``[B, N]``, bool: a named region among the evaluated voxels."""
        if name not in self._regions:
            raise XaigtError(
                f"This metric reads the region {name!r}: pass regions={{{name!r}: mask}}; "
                f"{nearest(name, self._regions)}."
            )
        return self._within(self._regions[name])

    @cached_property
    def count(self) -> Tensor:
        """``[B]``: number of evaluated voxels."""
        if self.evaluated is None:
            return torch.full((self.size,), self.signed.shape[1], device=self.device)
        return self.evaluated.sum(1)

    @cached_property
    def positions(self) -> Tensor:
        """``[V]``: positions of all truth voxels in the flattened batch."""
        if self.device.type == "cpu":  # numpy finds them five times faster
            return torch.from_numpy(np.flatnonzero(self.truth.numpy()))
        return self.truth.flatten().nonzero()[:, 0]

    @cached_property
    def rows(self) -> Tensor:
        """``[V]``: sample of every truth voxel."""
        return torch.repeat_interleave(torch.arange(self.size, device=self.device), self.truth_count)

    @cached_property
    def truth_values(self) -> Tensor:
        """``[V]``: map value of every truth voxel."""
        return self._after_sign(self.signed.flatten().index_select(0, self.positions))

    @cached_property
    def truth_count(self) -> Tensor:
        """``[B]``: number of truth voxels."""
        ends = torch.arange(self.size + 1, device=self.device) * self.signed.shape[1]
        return torch.searchsorted(self.positions, ends).diff()

    @cached_property
    def share(self) -> Tensor:
        """``[B]``: the truth's share of the evaluated voxels, the chance level of many metrics."""
        return self.truth_count.double() / self.count

    def per_sample(self, weights: Tensor) -> Tensor:
        """Sum ``[V]`` weights of truth voxels over each sample: ``[B]``, float64."""
        summed: Tensor = torch.segment_reduce(weights.to(torch.float64), "sum", lengths=self.truth_count)
        return summed

    def truth_from(self, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Count the truth voxels above and those equal to each sample's threshold, ``[B]``: two of ``[B]``."""
        if self.device.type == "cpu":  # a third of the time of torch's segments, which ask for floating point
            lengths, values = self.truth_count.numpy(), self.truth_values.numpy()
            limit = np.repeat(threshold.numpy(), lengths)
            return _counts(values > limit, lengths), _counts(values == limit, lengths)
        limits = threshold[self.rows]
        return self.per_sample(self.truth_values > limits), self.per_sample(self.truth_values == limits)

    @cached_property
    def labels(self) -> Tensor:
        """``[B, *S]``: instance numbers; of a boolean mask the numbers of its connected components."""
        numbers = label(self.masks) if self.masks.dtype == torch.bool else self.masks
        if self.evaluated is None:
            return numbers
        return torch.where(self.evaluated.reshape(numbers.shape), numbers, 0)

    @cached_property
    def instances(self) -> Instances:
        """The instances of the batch, with the number of evaluated voxels of each."""
        return Instances.of(self.rows, self.labels.flatten()[self.positions])

    # -- order ---------------------------------------------------------------------------------------------

    @cached_property
    def ranked(self) -> Tensor:
        """``[B, N]``: the values, -inf where not evaluated."""
        return self._evaluated_or_lowest(self.values)

    def _evaluated_or_lowest(self, values: Tensor) -> Tensor:
        return values if self.evaluated is None else values.masked_fill(~self.evaluated, -torch.inf)

    @cached_property
    def ordered(self) -> Tensor:
        """``[B, N]``: :attr:`ranked` in ascending order. The one sort that every metric shares."""
        return sort_rows(self.ranked)

    @cached_property
    def ordered_truth(self) -> Tensor:
        """``[B, K]``: values of the truth voxels in ascending order, +inf behind each sample's last."""
        width = max(int(self.truth_count.max()) if self.size else 0, 1)
        first = self.truth_count.cumsum(0) - self.truth_count
        place = torch.arange(len(self.rows), device=self.device) - first[self.rows]
        padded = self.truth_values.new_full((self.size, width), torch.inf)
        padded[self.rows, place] = self.truth_values
        return sort_rows(padded)

    @cached_property
    def truth_ranks(self) -> tuple[Tensor, Tensor, Tensor]:
        """For :attr:`ordered_truth`: which entries are truth; voxels below and voxels up to each."""
        values = self.ordered_truth
        inside = torch.arange(values.shape[1], device=self.device) < self.truth_count[:, None]
        return (
            inside,
            torch.searchsorted(self.ordered, values),
            torch.searchsorted(self.ordered, values, right=True),
        )

    def top(self, k: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """k-th largest evaluated value, count above and count equal to it, each ``[B]``.

        Selects where the values are not sorted yet, which is several times faster than sorting.
        """
        prepared = "values" in self.__dict__ or "ordered" in self.__dict__
        if prepared or self.sign != "relu" or self.device.type != "cpu":
            return top(self.ranked, k, self.__dict__.get("ordered"))
        # The k-th largest of what is kept is the k-th largest of all, if that is positive: the maps need not be
        # clamped first, which takes a tenth of the time of a precision at k.
        threshold, greater, equal = top(self._evaluated_or_lowest(self.signed), k)
        if bool((threshold <= 0).any()):
            return top(self.ranked, k)
        return threshold, greater, equal

    @cached_property
    def limits(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest evaluated value, each ``[B]``; 0 where nothing is evaluated."""
        high = self.ranked.amax(1) if "ordered" not in self.__dict__ else self.ordered[:, -1]
        low = self.values if self.evaluated is None else self.values.masked_fill(~self.evaluated, torch.inf)
        empty = self.count == 0
        return low.amin(1).masked_fill(empty, 0), high.masked_fill(empty, 0)

    @cached_property
    def total(self) -> Tensor:
        """``[B]``, float64: sum of the evaluated values."""
        return row_sums(self.values)

    # -- what is undefined, and why --------------------------------------------------------------------------

    def nan(self) -> Tensor:
        """``[B]`` of NaN, float64."""
        return torch.full((self.size,), torch.nan, dtype=torch.float64, device=self.device)

    def defined(self, region: str | None = None) -> Tensor:
        """``[B]``: the map is finite and the truth neither empty nor everything (or the region not empty)."""
        if region is not None:
            return self.finite & self.region(region).any(1)
        return self.finite & (self.truth_count > 0) & (self.truth_count < self.count)

    def notes(self) -> list[str]:
        """Say for each sample what is degenerate about it; an empty string where nothing is."""
        low, high = (limit.tolist() for limit in self.limits)
        finite, count, truth = self.finite.tolist(), self.count.tolist(), self.truth_count.tolist()
        return [
            "nothing to evaluate" if count[i] == 0
            else "map with NaN" if not finite[i]
            else "empty mask" if truth[i] == 0
            else "full mask" if truth[i] == count[i]
            else "all-zero map" if low[i] == high[i] == 0
            else "constant map" if low[i] == high[i]
            else ""
            for i in range(self.size)
        ]  # fmt: skip


def _spacing(spacing: Sequence[float] | None, dims: int) -> tuple[float, ...]:
    if spacing is None:
        return (1.0,) * dims
    values = tuple(float(value) for value in spacing)
    if len(values) != dims or not all(np.isfinite(value) and value > 0 for value in values):
        raise XaigtError(f"spacing must be {dims} positive numbers (mm, one an axis); got {list(values)}.")
    return values


def _counts(found: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> Tensor:
    """Number of true entries in each of the consecutive pieces of the given lengths."""
    counts = np.zeros(len(lengths))
    filled = lengths > 0  # reduceat gives an empty piece the first entry of the next
    starts = (np.cumsum(lengths) - lengths)[filled]
    if len(starts):
        counts[filled] = np.add.reduceat(found, starts, dtype=np.int64)
    return torch.from_numpy(counts)


def _finite(flat: Tensor) -> Tensor:
    # One sum finds a NaN or an infinity in a third of the time of isfinite; look closely only if it did.
    finite = flat.sum(1).isfinite()
    return finite if bool(finite.all()) else flat.isfinite().all(1)
