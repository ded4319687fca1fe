import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.randomness import draw_some, either_side, permuted_block, stream, subseed, unit_hash, white_noise

PURPOSE = int.from_bytes(hashlib.sha256(b"shape").digest()[:4], "big")
words = st.one_of(st.integers(0, 5), st.integers(2**32 - 2, 2**32 + 2), st.integers(0, 2**63), st.integers(0, 2**200))


@settings(derandomize=True, max_examples=80)
@given(seed=words, sample=words)
def test_a_stream_is_the_seed_sequence_that_the_documentation_names(seed, sample):
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(sample, PURPOSE))))
    assert stream(seed, sample, "shape").integers(2**60, size=5).tolist() == expected.integers(2**60, size=5).tolist()


@settings(derandomize=True, max_examples=40)
@given(seed=words)
def test_white_noise_is_numpys(seed):
    expected = np.random.Generator(np.random.PCG64(seed)).standard_normal((2, 3), dtype=np.float32)
    assert np.array_equal(white_noise(seed, (2, 3)), expected)


@pytest.mark.parametrize("seed, sample", [(-1, 0), (0, -1)])
def test_numbers_below_0_are_refused(seed, sample):
    with pytest.raises(ValueError, match="0 or more"):
        stream(seed, sample, "shape")


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


def test_a_side_is_drawn_as_numpy_chooses_it():
    ours, theirs = np.random.default_rng(3), np.random.default_rng(3)
    expected = [theirs.choice([-1.0, 1.0]) for _ in range(50)]
    assert [either_side(ours) for _ in range(50)] == expected
    assert set(expected) == {-1.0, 1.0}


@settings(derandomize=True, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    weights=st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=1, max_size=6),
    data=st.data(),
)
def test_some_are_drawn_as_numpy_chooses_them(seed, weights, data):
    most = sum(weight > 0 for weight in weights)
    count = data.draw(st.integers(0, most))
    found = draw_some(np.random.default_rng(seed), weights, count)
    if most:
        shares = np.array(weights) / sum(weights)
        expected = np.random.default_rng(seed).choice(len(weights), size=count, replace=False, p=shares)
        assert found == expected.tolist()
    with pytest.raises(ValueError, match="too few"):
        draw_some(np.random.default_rng(seed), weights, most + 1)
