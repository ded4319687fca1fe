"""Sorting and selection along the last axis: numpy's vectorised sort on the CPU, torch elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

Row = np.ndarray[Any, Any]

_SAMPLE = 800  # values of a row, at least, that guess where its largest begin
_STRIDES = (257, 61, 17, 5)  # of the sample; prime, so that it does not walk down the columns of an image
_GROUP = 4  # neighbours gathered together: one byte of comparison each makes a word of 32 bits


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
    rows = values.detach().numpy()
    threshold = np.full(len(rows), np.inf, dtype=rows.dtype)
    greater = np.zeros(len(rows), dtype=np.int64)
    equal = np.zeros(len(rows), dtype=np.int64)
    for i, count in enumerate(k.tolist()):
        if count > 0:
            threshold[i], greater[i], equal[i] = _kth(rows[i], min(count, rows.shape[1]))
    return torch.from_numpy(threshold), torch.from_numpy(greater), torch.from_numpy(equal)


def _kth(row: Row, k: int) -> tuple[float, int, int]:
    """k-th largest value of one row, how many are greater, how many equal."""
    guess = _guess(row, k)
    candidates = row if guess is None else _around(row, guess)
    if guess is not None and np.count_nonzero(candidates >= guess) < k:  # guessed too high
        candidates = row
    # Of the negatives the k smallest: numpy selects among the many equal zeros of a map after ReLU six
    # times faster when they lie above the k-th than when they lie below it.
    negative = np.negative(candidates)
    negative.partition(k - 1)
    limit = negative[k - 1]
    return -limit, int(np.count_nonzero(negative[:k] < limit)), int(np.count_nonzero(negative == limit))


def _guess(row: Row, k: int) -> float | None:
    """Value that somewhat more than k of the row exceed, by the order of a sample of it; None where none would help.

    R. W. Floyd, R. L. Rivest, Commun. ACM 18, 165, 1975.
    """
    stride = next((stride for stride in _STRIDES if len(row) >= stride * _SAMPLE), None)
    if stride is None or 4 * k > len(row):
        return None
    return float(np.sort(row[::stride])[-int(1.5 * k / stride) - 16])


def _around(row: Row, limit: float) -> Row:
    """All values of a row from a limit on, and some others.

    Gathered by groups of neighbours: to look for scattered single values costs more than to select among some more.
    """
    whole = len(row) // _GROUP * _GROUP
    groups = np.flatnonzero((row[:whole] >= limit).view(np.uint32) != 0)
    found = row[:whole].reshape(-1, _GROUP).take(groups, axis=0).ravel()
    return found if whole == len(row) else np.concatenate([found, row[whole:]])
