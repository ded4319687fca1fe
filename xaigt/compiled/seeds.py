"""The hash of ``numpy.random.SeedSequence``, for the many short streams of one sample.

A sample draws from some forty streams, most of which give a few numbers; of the 30 microseconds that one takes to
begin, NumPy spends 25 on this hash. The words are the same (M. E. O'Neill, "Developing a seed_seq alternative", 2015).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xaigt.compiled import compiled

_POOL = 4
_INIT_A, _MULT_A = np.uint32(0x43B0D7E5), np.uint32(0x931E8875)
_INIT_B, _MULT_B = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)
_LEFT, _RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_SHIFT = np.uint32(16)


@compiled()
def _hashed(value: Any, constant: Any) -> Any:
    """Hash of a word, and the constant of the next one."""
    value = np.uint32(value ^ constant)
    constant = np.uint32(constant * _MULT_A)
    value = np.uint32(value * constant)
    return np.uint32(value ^ (value >> _SHIFT)), constant


@compiled()
def _mixed(first: Any, second: Any) -> Any:
    result = np.uint32(np.uint32(_LEFT * first) - np.uint32(_RIGHT * second))
    return np.uint32(result ^ (result >> _SHIFT))


@compiled("u4[::1]", "u4[::1]")
def seed_words(entropy: Any, out: Any) -> None:
    """Compute the state that a seed sequence of some words of entropy generates.

    Parameters
    ----------
    entropy
        uint32: the words of the seed, filled up with 0 to four or more, and those of the spawn key.
    out
        uint32, to write to.
    """
    pool, constant = np.zeros(_POOL, np.uint32), _INIT_A
    for i in range(_POOL):
        word = entropy[i] if i < entropy.shape[0] else np.uint32(0)
        pool[i], constant = _hashed(word, constant)
    for i in range(_POOL):
        for k in range(_POOL):
            if i != k:
                word, constant = _hashed(pool[i], constant)
                pool[k] = _mixed(pool[k], word)
    for i in range(_POOL, entropy.shape[0]):
        for k in range(_POOL):
            word, constant = _hashed(entropy[i], constant)
            pool[k] = _mixed(pool[k], word)
    constant = _INIT_B
    for i in range(out.shape[0]):
        word = np.uint32(pool[i % _POOL] ^ constant)
        constant = np.uint32(constant * _MULT_B)
        word = np.uint32(word * constant)
        out[i] = np.uint32(word ^ (word >> _SHIFT))
