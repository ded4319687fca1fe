"""Finding the smallest of some thousand values, without sorting them all; see :func:`xaigt.lesions.weighted.fill`."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled

_BINS = 512


@compiled()
def _bins(values: Any, index: Any, each: Any) -> Any:
    """Return what falls into each of even bins of some values, the least of them, and bins per unit."""
    least, largest = np.inf, -np.inf
    for i in index:
        least, largest = min(least, values[i]), max(largest, values[i])
    rate = (_BINS - 1) / (largest - least) if largest > least else 0.0
    held = np.zeros(_BINS)
    for i in index:
        held[int((values[i] - least) * rate)] += each[i if len(each) > 1 else 0]
    return held, least, rate


@compiled()
def _of_bin(values: Any, index: Any, least: Any, rate: Any, wanted: Any) -> Any:
    """Numbers of the values of one bin, in rising order of their values: they are few."""
    found, count = np.empty(len(index), np.int64), 0
    for i in index:
        if int((values[i] - least) * rate) == wanted:
            place = count
            while place > 0 and values[found[place - 1]] > values[i]:
                found[place] = found[place - 1]
                place -= 1
            found[place] = i
            count += 1
    return found[:count]


@compiled("f8[::1]", "i8[::1]", "f8[::1]", "f8", "f8[::1]")
def reaching(values: Any, index: Any, each: Any, wanted: Any, out: Any) -> None:
    """Find the value up to which the smallest of some values hold a wanted sum.

    Parameters
    ----------
    values
        ``[n]``.
    index
        Numbers of those that count, one or more.
    each
        What each value holds, ``[n]``, or all alike, ``[1]``.
    wanted
        The sum.
    out
        ``[2]``, to write to: the value, the largest if all hold less than is wanted; and what all hold.
    """
    held, least, rate = _bins(values, index, each)
    total, last = 0.0, 0
    for bin_ in range(_BINS):
        if held[bin_] > 0:
            last = bin_
            if total + held[bin_] >= wanted:
                break
            total += held[bin_]
    for i in _of_bin(values, index, least, rate, last):
        total += each[i if len(each) > 1 else 0]
        out[0] = values[i]
        if total >= wanted:
            break
    out[1] = held.sum()


@compiled("f8[::1]", "f8", "i8", "i8[::1]", "f8[::1]", "i8[::1]")
def next_smallest(values: Any, bound: Any, rank: Any, index: Any, beyond: Any, count: Any) -> None:
    """Find the values above a bound that are among the smallest, and few more.

    Parameters
    ----------
    values
        ``[n]``.
    bound
        The values above it are found.
    rank
        How many of the smallest values are found, or are not above the bound: at least as many; n or more: all.
    index
        ``[n]``, to write to: their numbers, rising.
    beyond, count
        ``[1]`` each, to write to: the largest value up to which all are found, and how many numbers were written.
    """
    beyond[0] = np.inf
    if rank < len(values):
        least, largest = values.min(), values.max()
        rate = (_BINS - 1) / (largest - least) if largest > least else 0.0
        held, ends = np.zeros(_BINS, np.int64), np.full(_BINS, -np.inf)
        for value in values:
            place = int((value - least) * rate)
            held[place] += 1
            ends[place] = max(ends[place], value)
        before, last = held[0], 0
        while before < rank:
            last += 1
            before += held[last]
        beyond[0] = ends[: last + 1].max()
    found = 0
    for i in range(len(values)):
        if bound < values[i] <= beyond[0]:
            index[found] = i
            found += 1
    count[0] = found
