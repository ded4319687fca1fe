"""What must not matter: row order, names of levels, units of the covariate and of the score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.statistics import compare
from xaigt.statistics.simulation import World, simulate

NUMBERS = ["estimate", "se", "df", "t", "p", "p_holm", "p_fdr", "p_simultaneous"]
TABLE = simulate(World(networks=3, samples=4, gap=0.4, accuracy_samples=80), 1, np.random.default_rng(11)).table(0)
OPTIONS = [{}, {"spline_df": 2}, {"slopes": "arm"}, {"test": "cr2"}]


def result(table, options, analysis="best"):
    return compare(table, covariate_se="dprime_se", **options).contrasts("arm", by="method", analysis=analysis)


BASE = [result(TABLE, options) for options in OPTIONS]


@settings(max_examples=10, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.integers(0, len(OPTIONS) - 1))
def test_row_order(seed, which):
    shuffled = TABLE.sample(frac=1, random_state=seed)
    ours = result(shuffled, OPTIONS[which])
    np.testing.assert_allclose(ours[NUMBERS].to_numpy(), BASE[which][NUMBERS].to_numpy(), rtol=1e-7, atol=1e-10)


@settings(max_examples=10, derandomize=True, deadline=None)
@given(
    names=st.permutations(["ImageNet", "z 1", "Q('x')", "'", "é", "0"]),
    which=st.integers(0, len(OPTIONS) - 1),
)
def test_labels(names, which):
    arms = sorted(names[:2])
    renamed = TABLE.assign(
        arm=TABLE["arm"].map({"a": arms[0], "b": arms[1]}),
        method=TABLE["method"].map(dict(zip(["m0", "m1", "m2"], sorted(names[2:5]), strict=True))),
    )
    ours = result(renamed, OPTIONS[which])
    np.testing.assert_allclose(ours[NUMBERS].to_numpy(), BASE[which][NUMBERS].to_numpy(), rtol=1e-7, atol=1e-10)
    assert list(ours["contrast"].unique()) == [f"{arms[0]} - {arms[1]}"]


@settings(max_examples=15, derandomize=True, deadline=None)
@given(
    factor=st.floats(1e-3, 1e3),
    shift=st.floats(-100, 100),
    which=st.integers(0, len(OPTIONS) - 1),
)
def test_units_of_the_covariate(factor, shift, which):
    scaled = TABLE.assign(dprime=factor * (TABLE["dprime"] + shift), dprime_se=factor * TABLE["dprime_se"])
    ours = result(scaled, OPTIONS[which])
    np.testing.assert_allclose(ours[NUMBERS].to_numpy(), BASE[which][NUMBERS].to_numpy(), rtol=1e-5, atol=1e-8)


@settings(max_examples=10, derandomize=True, deadline=None)
@given(factor=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_units_of_the_score(factor, shift):
    ours = result(TABLE.assign(value=factor * (TABLE["value"] + shift)), {})
    np.testing.assert_allclose(ours["estimate"], factor * BASE[0]["estimate"], rtol=1e-6, atol=1e-9 * factor)
    np.testing.assert_allclose(ours["t"], BASE[0]["t"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("names", [("b", "a"), ("a", "b")])
def test_swapping_the_arms_turns_the_sign(names):
    renamed = TABLE.assign(arm=TABLE["arm"].map(dict(zip("ab", names, strict=True))))
    ours = result(renamed, {})
    sign = 1 if names == ("a", "b") else -1
    np.testing.assert_allclose(ours["estimate"], sign * BASE[0]["estimate"], rtol=1e-8)
    np.testing.assert_allclose(ours["p"], BASE[0]["p"], rtol=1e-8)


def test_formula_says_the_same():
    by_formula = compare(TABLE, formula="value ~ arm * depth + dprime").contrasts("arm", by="method")
    by_factors = compare(TABLE).contrasts("arm", by="method")
    np.testing.assert_allclose(by_formula[NUMBERS].to_numpy(), by_factors[NUMBERS].to_numpy(), rtol=1e-8)
    total = compare(TABLE, formula="value ~ arm * depth + dprime").contrasts("arm", analysis="total")
    np.testing.assert_allclose(total["estimate"], compare(TABLE).contrasts("arm", analysis="total")["estimate"])


def test_separate_table_of_cells():
    cells = TABLE[["network_id", "dprime", "dprime_se"]].drop_duplicates()
    bare = TABLE.drop(columns=["dprime", "dprime_se"])
    ours = compare(bare, cells=cells, covariate_se="dprime_se").contrasts("arm", by="method")
    np.testing.assert_allclose(ours[NUMBERS].to_numpy(), BASE[0][NUMBERS].to_numpy(), rtol=1e-9)
