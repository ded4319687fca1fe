"""Independent streams of random numbers, one for each (seed, sample, purpose).

Drawing from one stream never moves another, so a sample does not depend on how many samples there are, on
their order, on batches, workers or threads, nor on how much another purpose drew.
"""

from __future__ import annotations

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from xaigt.compiled.seeds import seed_words

_SEED_BITS = 63


def stream(seed: int, sample: int, purpose: str) -> np.random.Generator:
    """Random generator of one purpose of one sample.

    Parameters
    ----------
    seed
        Seed of the dataset, 0 or more.
    sample
        Number of the sample (or of whatever is drawn independently), 0 or more.
    purpose
        What is drawn, such as ``"shape"``; any text.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded by a ``SeedSequence`` whose spawn key is the sample and a hash of the purpose.
    """
    entropy = _head(seed, sample).copy()
    entropy[-1] = _number(purpose)
    return _generator(entropy)


@lru_cache(maxsize=16)
def _head(seed: int, sample: int) -> npt.NDArray[np.uint32]:
    """Words of entropy that all streams of a sample begin with, and room for that of the purpose."""
    return np.array([*_words(seed), *_words(sample, 1), 0], np.uint32)


def _generator(entropy: npt.NDArray[np.uint32]) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(_Seeds(entropy)))  # type: ignore[arg-type]  # it takes any ISeedSequence


class _Seeds(ISeedSequence):
    """What ``numpy.random.SeedSequence`` gives for the same words, in a fifth of the time."""

    def __init__(self, entropy: npt.NDArray[np.uint32]) -> None:
        self._entropy = entropy

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> npt.NDArray[Any]:
        # PCG64 asks for 64-bit words: what they take need not be looked up.
        state = np.empty(n_words * (2 if dtype is np.uint64 else np.dtype(dtype).itemsize // 4), np.uint32)
        seed_words(self._entropy, state)
        return state.view(dtype)


def _words(number: int, least: int = 4) -> list[int]:
    """32-bit words of a whole number, the lowest first, as many as it needs and at least `least`."""
    if number < 0:
        raise ValueError(f"seeds and numbers of samples are 0 or more (given: {number}).")
    words: list[int] = []
    while number or len(words) < least:
        words.append(number & 0xFFFFFFFF)
        number >>= 32
    return words


def subseed(rng: np.random.Generator) -> int:
    """Draw a seed for an array of noise: what a provenance record keeps in place of the array."""
    return int(rng.integers(2**_SEED_BITS))


def either_side(rng: np.random.Generator) -> float:
    """-1 or 1, as ``rng.choice([-1.0, 1.0])`` draws them, in a fifth of the time."""
    return 1.0 if rng.integers(2) else -1.0


def normal_three(rng: np.random.Generator, limit: float = 2.0) -> tuple[float, float, float]:
    """Three standard normal numbers, those beyond a limit moved to it."""
    z, y, x = rng.standard_normal(3).tolist()
    return min(max(z, -limit), limit), min(max(y, -limit), limit), min(max(x, -limit), limit)


def draw_some(rng: np.random.Generator, weights: Sequence[float], count: int) -> list[int]:
    """Draw different numbers of things by their weights, as ``rng.choice`` without replacement draws them.

    Parameters
    ----------
    rng
        Stream to draw from.
    weights
        Of the things, 0 or more.
    count
        How many to draw: no more than there are with a weight above 0.

    Returns
    -------
    list of int
        Their numbers in the order in which they were drawn.
    """
    if count > sum(weight > 0 for weight in weights):
        raise ValueError(f"{count} of {len(weights)} things cannot be drawn: too few have a weight above 0.")
    found: list[int] = []
    while len(found) < count:
        left = (0.0 if number in found else weight for number, weight in enumerate(weights))
        sums = list(itertools.accumulate(left))
        sums = [part / sums[-1] for part in sums]
        # What is drawn twice is drawn again once all have been looked at.
        found += dict.fromkeys(bisect_right(sums, place) for place in rng.random(count - len(found)).tolist())
    return found


def white_noise(seed: int, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return standard normal numbers (float32) of a recorded seed."""
    return _generator(np.array(_words(seed), np.uint32)).standard_normal(shape, dtype=np.float32)


def unit_hash(seed: int, sample: int, purpose: str) -> float:
    """Uniform number in [0, 1) that is a hash of its arguments, not a draw: it decides the split."""
    digest = hashlib.sha256(f"xaigt:{purpose}:{seed}:{sample}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def permuted_block(seed: int, sample: int, purpose: str, size: int) -> int:
    """Position of a sample in a random permutation of its block of `size` consecutive samples.

    Every block of samples gets each of ``0..size-1`` once, so classes are balanced for any multiple of `size`
    and sample 7 has the same class whatever the number of samples.
    """
    block, place = divmod(sample, size)
    return int(stream(seed, block, f"{purpose}-block").permutation(size)[place])


@lru_cache(maxsize=1024)
def _number(purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "big")
