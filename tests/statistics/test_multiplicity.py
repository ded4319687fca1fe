"""p values adjusted for many contrasts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from xaigt.statistics.multiplicity import adjusted


@pytest.mark.parametrize(
    ("method", "wanted"),
    # By hand: Holm multiplies the k-th smallest of four by 5 - k, Benjamini-Hochberg by 4 / k.
    [("holm", [0.03, 0.06, 0.06, 0.02]), ("fdr_bh", [0.02, 0.04, 0.04, 0.02])],
)
def test_four_by_hand(method, wanted):
    assert adjusted(np.array([0.01, 0.04, 0.03, 0.005]), method) == pytest.approx(wanted)


@pytest.mark.parametrize("method", ["holm", "fdr_bh"])
@settings(max_examples=25)  # statsmodels collects garbage at every call
@given(p=st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=12))
def test_the_same_as_statsmodels_and_nan_is_not_counted(method, p):
    values = np.array(p)
    known = np.isfinite(values)
    found = adjusted(values, method)
    assert np.array_equal(np.isfinite(found), known)
    if known.any():
        assert found[known] == pytest.approx(multipletests(values[known], method=method)[1])
