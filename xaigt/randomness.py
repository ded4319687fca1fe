"""Independent streams of random numbers, one for each (seed, sample, purpose).

Drawing from one stream never moves another, so a sample does not depend on how many samples there are, on
their order, on batches, workers or threads, nor on how much another purpose drew.
"""

from __future__ import annotations

import hashlib
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
    return _generator([*_words(seed), *_words(sample, 1), _number(purpose)])


def _generator(entropy: list[int]) -> np.random.Generator:
    seeds = _Seeds(np.array(entropy, np.uint32))
    return np.random.Generator(np.random.PCG64(seeds))  # type: ignore[arg-type]  # it takes any ISeedSequence


class _Seeds(ISeedSequence):
    """What ``numpy.random.SeedSequence`` gives for the same words, in a fifth of the time."""

    def __init__(self, entropy: npt.NDArray[np.uint32]) -> None:
        self._entropy = entropy

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> npt.NDArray[Any]:
        state = np.empty(n_words * np.dtype(dtype).itemsize // 4, np.uint32)
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


def white_noise(seed: int, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return standard normal numbers (float32) of a recorded seed."""
    return _generator(_words(seed)).standard_normal(shape, dtype=np.float32)


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
