from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.randomness import permuted_block, stream, subseed, unit_hash, white_noise


def test_a_stream_is_the_seed_sequence_that_the_documentation_names():
    purpose = int.from_bytes(__import__("hashlib").sha256(b"shape").digest()[:4], "big")
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(3, spawn_key=(7, purpose))))
    assert stream(3, 7, "shape").integers(2**60, size=5).tolist() == expected.integers(2**60, size=5).tolist()


@pytest.mark.parametrize("other", [(1, 7, "shape"), (0, 8, "shape"), (0, 7, "place")])
def test_streams_differ_in_every_argument(other):
    assert stream(0, 7, "shape").integers(2**60) != stream(*other).integers(2**60)


def test_drawing_from_one_stream_does_not_move_another():
    before = stream(0, 1, "place").uniform(size=3).tolist()
    stream(0, 1, "shape").uniform(size=1000)
    assert stream(0, 1, "place").uniform(size=3).tolist() == before


@settings(derandomize=True, max_examples=30)
@given(seed=st.integers(0, 2**31), block=st.integers(0, 10_000), size=st.integers(1, 7))
def test_every_block_has_each_class_once(seed, block, size):
    places = [permuted_block(seed, sample, "class", size) for sample in range(block * size, (block + 1) * size)]
    assert sorted(places) == list(range(size))


def test_classes_are_not_tied_to_the_parity_of_the_sample():
    first = Counter(permuted_block(0, sample, "class", 2) for sample in range(0, 2000, 2))
    # Binomial(1000, 1/2): six standard deviations are 95.
    assert abs(first[0] - 500) < 95


def test_hash_is_uniform_and_fixed():
    values = np.array([unit_hash(0, sample, "split") for sample in range(4000)])
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert values.min() >= 0 and values.max() < 1
    assert np.abs(counts - 400).max() < 6 * np.sqrt(400 * 0.9)
    digest = __import__("hashlib").sha256(b"xaigt:split:5:11").digest()
    assert unit_hash(5, 11, "split") == int.from_bytes(digest[:7], "big") / 2**56


def test_white_noise_is_reproduced_from_its_seed():
    seed = subseed(stream(0, 0, "noise"))
    noise = white_noise(seed, (200, 200))
    assert noise.dtype == np.float32
    assert np.array_equal(noise, white_noise(seed, (200, 200)))
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
