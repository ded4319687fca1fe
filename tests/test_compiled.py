"""What is compiled: its loops give what SciPy gives, and it needs no folder to write to."""

import numba
import numpy as np
import pytest
from scipy import ndimage

from xaigt.compiled import compiled
from xaigt.compiled.filters import sum_rows, wrapped_filter


@pytest.mark.parametrize(("taps_y", "taps_x"), [(3, 5), (7, 3)])
def test_filters_wrap_round_as_those_of_scipy(taps_y, taps_x):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 9, 11)).astype(np.float32)
    along_y, along_x = (rng.uniform(size=count).astype(np.float32) for count in (taps_y, taps_x))
    found = np.empty_like(values)
    wrapped_filter(values, along_y, along_x, found)
    expected = ndimage.correlate1d(values.astype(float), along_y, axis=1, mode="wrap")
    expected = ndimage.correlate1d(expected, along_x, axis=2, mode="wrap")
    assert np.allclose(found, expected, atol=1e-5)


def test_rows_are_summed_four_at_a_time():
    values = np.arange(12, dtype=np.float32).reshape(1, 6, 2)
    found = np.empty((1, 2, 2), np.float32)
    weights = np.array([[1, 0, 0, 0], [0.5, 0.25, 0, 2]], np.float32)
    sum_rows(values, np.array([1, 2]), weights, found)
    assert found.tolist() == [[[2.0, 3.0], [0.5 * 4 + 0.25 * 6 + 2 * 10, 0.5 * 5 + 0.25 * 7 + 2 * 11]]]


def test_without_a_folder_to_write_to_it_is_compiled_all_the_same(monkeypatch):
    plain = numba.njit

    def no_folder(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*arguments, **options)

    monkeypatch.setattr(numba, "njit", no_folder)

    @compiled("f8[::1]")
    def double(values):
        for index in range(len(values)):
            values[index] *= 2

    found = np.array([1.0, 2.0])
    double(found)
    assert found.tolist() == [2.0, 4.0]
