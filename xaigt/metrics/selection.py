"""Sorting and selection along the last axis: numpy's vectorised sort on the CPU, torch elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

_LOOK = 256  # values to each side of the middle of a row that tell whether it is smooth
_STRIDE = 17  # of the sample; odd, so that it does not walk down the columns of an image of a round width


def sort_rows(values: Tensor) -> Tensor:
    """Sort every row in ascending order, values only.

    On the CPU numpy's sort is used: it returns no indices, which no metric needs, and is several times
    faster than ``torch.sort`` (docs/performance/metrics.md).

    Parameters
    ----------
    values
        ``[B, N]``, finite or -inf.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.detach().numpy(), axis=1))
    return values.sort(dim=1).values


def row_sums(values: Tensor) -> Tensor:
    """Sum every row, ``[B]``, float64: pieces of 256 in the values' own precision, then in double.

    As exact as the values and five times faster than summing in double; a row's sum does not depend on how
    many rows there are, as a sum in single precision may.
    """
    whole = values.shape[1] // 256 * 256
    pieces = values[:, :whole].reshape(len(values), -1, 256).sum(-1) if whole else values[:, :0]
    return pieces.sum(1, dtype=torch.float64) + values[:, whole:].sum(1, dtype=torch.float64)


def top(values: Tensor, k: Tensor, ordered: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """k-th largest value of every row, how many are greater, how many equal.

    Parameters
    ----------
    values
        ``[B, N]``.
    k
        ``[B]``, from 0 to N; 0 gives infinity.
    ordered
        The rows in ascending order, if they are already sorted.

    Returns
    -------
    tuple
        Threshold ``[B]``, count above it ``[B]``, count equal to it ``[B]``.
    """
    if ordered is None and values.device.type == "cpu":
        return _select(values, k)
    if ordered is None:
        ordered = sort_rows(values)
    size = ordered.shape[1]
    threshold = ordered.gather(1, (size - k).clamp(0, size - 1)[:, None])
    threshold = torch.where(k[:, None] > 0, threshold, torch.inf)
    below = torch.searchsorted(ordered, threshold)
    up_to = torch.searchsorted(ordered, threshold, right=True)
    return threshold[:, 0], (size - up_to)[:, 0], (up_to - below)[:, 0]


def _select(values: Tensor, k: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, size = values.detach().numpy(), values.shape[1]
    threshold = np.full(len(rows), np.inf, dtype=rows.dtype)
    greater = np.zeros(len(rows), dtype=np.int64)
    equal = np.zeros(len(rows), dtype=np.int64)
    for i, (row, count) in enumerate(zip(rows, k.tolist(), strict=True)):
        if count < 1:
            continue
        candidates = _largest(row, min(count, size))
        # Of the negatives the k smallest: numpy selects among the many equal zeros of a map after ReLU six
        # times faster when they lie above the k-th than when they lie below it.
        negative = np.negative(candidates)
        negative.partition(min(count, size) - 1)
        limit = -negative[min(count, size) - 1]
        threshold[i] = limit
        greater[i] = np.count_nonzero(negative[:count] < -limit)
        equal[i] = np.count_nonzero(candidates == limit)
    return torch.from_numpy(threshold), torch.from_numpy(greater), torch.from_numpy(equal)


def _largest(row: np.ndarray[Any, Any], k: int) -> np.ndarray[Any, Any]:
    """Values of a row among which are its k largest and all that equal the k-th: few of them where that is easy.

    A sample of the row guesses a value that somewhat more than k exceed (R. W. Floyd, R. L. Rivest, Commun. ACM 18,
    165, 1975); where the guess is wrong, would keep half of the row, or the row is rough, the row itself is returned.
    """
    middle = len(row) // 2
    near = row[middle - _LOOK : middle + _LOOK]
    rises = near[1:] > near[:-1] if middle > _LOOK else np.ones(1, bool)  # not a difference: of infinities it is none
    rank = int(1.5 * k / _STRIDE) + 16
    # Gathering scattered values costs more than selecting among all of them: only where the row is smooth.
    if 2 * rank * _STRIDE >= len(row) or 4 * np.count_nonzero(rises[1:] != rises[:-1]) > len(rises):
        return row
    sample = row[::_STRIDE]
    kept = row >= -np.partition(-sample, rank)[rank]
    return row.take(np.flatnonzero(kept)) if k <= np.count_nonzero(kept) <= len(row) // 2 else row
