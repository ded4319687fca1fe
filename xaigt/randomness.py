"""Independent streams of random numbers, one for each (seed, sample, purpose).

Drawing from one stream never moves another, so a sample does not depend on how many samples there are, on
their order, on batches, workers or threads, nor on how much another purpose drew.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

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
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(sample, _number(purpose)))))


def subseed(rng: np.random.Generator) -> int:
    """Draw a seed for an array of noise: what a provenance record keeps in place of the array."""
    return int(rng.integers(2**_SEED_BITS))


def white_noise(seed: int, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return standard normal numbers (float32) of a recorded seed."""
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)


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
