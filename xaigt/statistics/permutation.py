"""Permutation of whole networks between arms, within depth: a test without normal errors, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, prod
from typing import Any

import numpy as np
import pandas as pd

from xaigt.errors import nearest
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.table import Scores

_CHUNK = 4096


@dataclass(frozen=True)
class Permutation:
    """Result of a permutation test.

    Attributes
    ----------
    table
        One row a repeated cell, and their mean: ``repeated, estimate, p, p_max`` (single-step adjusted for
        all rows by the largest standardised difference), ``smallest_p``.
    permutations
        How many assignments were looked at.
    exact
        Whether these are all there are.
    smallest_p
        The smallest p that this design can reach, whatever the data.
    sentence
        What this means.
    """

    table: pd.DataFrame
    permutations: int
    exact: bool
    smallest_p: float
    sentence: str


def smallest_p(sizes: Sequence[tuple[int, int]]) -> float:
    """Smallest two-sided p of an exact test with (a, b) networks in each stratum: 3 against 3 gives 0.1.

    All assignments are equally likely under the null. Where both arms are equally large in every stratum, the
    mirror image of an assignment has the same absolute difference, so at least two assignments are as
    extreme.
    """
    count = prod(comb(a + b, a) for a, b in sizes)
    return (2 if all(a == b for a, b in sizes) and count > 1 else 1) / count


def permutation_test(
    scores: Scores,
    factor: str,
    a: Any,
    b: Any,
    *,
    within: Sequence[str] | None = None,
    limit: int = 20_000,
    seed: int = 0,
) -> Permutation:
    """Test the total effect of a against b by exchanging whole networks within strata.

    Parameters
    ----------
    scores
        From :func:`xaigt.statistics.read_scores`, or ``comparison.scores``.
    factor, a, b
        A factor between networks, and two of its levels.
    within
        Factors that networks are not exchanged across; None: all other factors between networks.
    limit
        Up to this many assignments all are looked at; beyond, `limit` of them are drawn.
    seed
        Seed of the draw.

    Raises
    ------
    StatisticsError
        If a level has no network in common with the other in any stratum, or scores are missing.

    Notes ----- The difference is the mean over strata of the difference of arm means, each stratum with equal
    weight; the null is that a network would have had the same scores in the other arm.
    """
    if factor not in scores.between:
        raise StatisticsError(f"{factor!r} is not a factor between networks: {nearest(factor, scores.between)}")
    known = scores.networks[factor].astype(str)
    for level in (a, b):
        if str(level) not in set(known):
            raise StatisticsError(f"no {factor} {level!r}: {nearest(str(level), set(known))}")
    chosen = known.isin([str(a), str(b)]).to_numpy() & scores.present.all(axis=1)
    networks, means = scores.networks[chosen], scores.means[chosen]
    if means.shape[1] > 1:
        means = np.column_stack([means, means.mean(axis=1)])
    first = (known[chosen] == str(a)).to_numpy()
    by = [name for name in scores.between if name != factor] if within is None else list(within)
    stratum = np.zeros(len(networks), dtype=int)
    if by:
        stratum = pd.factorize(networks[by].astype(str).agg("/".join, axis=1))[0]
    members = [np.flatnonzero(stratum == s) for s in range(stratum.max(initial=0) + 1)]
    members = [own for own in members if 0 < first[own].sum() < len(own)]
    if not members:
        raise StatisticsError(f"{factor} {a} and {b} have no stratum in common: no network can be exchanged")
    sizes = [(int(first[own].sum()), int((~first[own]).sum())) for own in members]
    count = prod(comb(x + y, x) for x, y in sizes)
    exact = count <= limit
    weights = _all(members, sizes, len(networks)) if exact else _drawn(members, sizes, len(networks), limit, seed)
    used = np.concatenate(members)
    observed = _weights(members, [np.flatnonzero(first[own]) for own in members], len(networks)) @ means
    centred = means - means[used].mean(axis=0)
    spread = np.sqrt(np.maximum((centred[used] ** 2).sum(axis=0), 1e-300))
    tolerance = 1e-10 * spread
    extreme, largest, total = np.zeros(means.shape[1]), np.zeros(means.shape[1]), 0
    for block in weights:
        difference = np.abs(block @ centred)
        extreme += (difference >= np.abs(observed) - tolerance).sum(axis=0)
        top = (difference / spread).max(axis=1)
        largest += (top[:, None] >= np.abs(observed) / spread - 1e-10).sum(axis=0)
        total += len(block)
    add = 0 if exact else 1  # a drawn test counts the observed assignment too (Phipson and Smyth 2010)
    least = smallest_p(sizes) if exact else max(smallest_p(sizes), 1 / (total + 1))
    names = ["/".join(map(str, row)) or scores.score for row in scores.repeated.itertuples(index=False)]
    table = pd.DataFrame(
        {
            "repeated": [*names, "mean"][: means.shape[1]],
            "estimate": observed,
            "p": (extreme + add) / (total + add),
            "p_max": (largest + add) / (total + add),
            "smallest_p": least,
        }
    )
    kind = "possible" if exact else "drawn"
    sentence = f"{total} {kind} assignments of {len(used)} networks; the smallest p that this design can reach "
    sentence += f"is {least:.2g}"
    sentence += "." if least <= 0.05 else ": it can never fall below 0.05, whatever the data."
    return Permutation(table, total, exact, least, sentence)


def _weights(members: Sequence[np.ndarray], firsts: Sequence[np.ndarray], networks: int) -> np.ndarray:
    row = np.zeros(networks)
    for own, chosen in zip(members, firsts, strict=True):
        row[own] = -1 / (len(own) - len(chosen))
        row[own[chosen]] = 1 / len(chosen)
    return row / len(members)


def _all(members: Sequence[np.ndarray], sizes: Sequence[tuple[int, int]], networks: int) -> Iterator[np.ndarray]:
    """Every assignment, as blocks of weights (block, networks)."""
    parts = []
    for own, (size, other) in zip(members, sizes, strict=True):
        chosen = np.array(list(combinations(range(size + other), size)))
        part = np.full((len(chosen), networks), 0.0)
        part[:, own] = -1 / other
        np.put_along_axis(part, own[chosen], 1 / size, axis=1)
        parts.append(part / len(members))
    shape = [len(part) for part in parts]
    for start in range(0, prod(shape), _CHUNK):
        places = np.unravel_index(np.arange(start, min(start + _CHUNK, prod(shape))), shape)
        yield np.sum([part[place] for part, place in zip(parts, places, strict=True)], axis=0)


def _drawn(
    members: Sequence[np.ndarray], sizes: Sequence[tuple[int, int]], networks: int, limit: int, seed: int
) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for start in range(0, limit, _CHUNK):
        count = min(_CHUNK, limit - start)
        block = np.zeros((count, networks))
        for own, (size, other) in zip(members, sizes, strict=True):
            order = rng.random((count, len(own))).argsort(axis=1)
            block[:, own] = -1 / other
            np.put_along_axis(block, own[order[:, :size]], 1 / size, axis=1)
        yield block / len(members)
