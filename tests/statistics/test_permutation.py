"""Permutation of networks: the smallest p of small designs, and the whole distribution by brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from xaigt.statistics import StatisticsError, permutation_test, read_scores
from xaigt.statistics.permutation import smallest_p


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([(3, 3)], 0.1), ([(5, 5)], 2 / 252), ([(3, 3), (3, 3)], 2 / 400), ([(2, 3)], 1 / 10), ([(1, 1)], 1.0)],
)
def test_smallest_p(sizes, expected):
    assert smallest_p(sizes) == pytest.approx(expected)


def part(study, networks, depths):
    keep = [f"n{12 * arm + 4 * depth + i:03d}" for arm in (0, 1) for depth in range(depths) for i in range(networks)]
    return read_scores(study[study["network_id"].isin(keep)])


def test_three_against_three_never_falls_below_a_tenth(study):
    table = study[study["depth"] == 1].assign(value=lambda t: t["value"] + 100 * (t["arm"] == "a"))
    scores = read_scores(table[~table["network_id"].isin(["n003", "n015"])], factors=["arm", "method"])
    result = permutation_test(scores, "arm", "a", "b")
    assert (result.permutations, result.exact, result.smallest_p) == (20, True, 0.1)
    assert result.table["p"].eq(0.1).all()
    assert "never fall below 0.05" in result.sentence


def test_all_assignments_by_brute_force(study):
    scores = part(study, 3, 2)
    result = permutation_test(scores, "arm", "a", "b")
    means = scores.means.mean(axis=1)
    depth = scores.networks["depth"].to_numpy()
    rows = [np.flatnonzero(depth == d) for d in (1, 2)]
    differences = []
    for chosen in product(*(combinations(own, 3) for own in rows)):
        parts = [
            means[list(c)].mean() - means[np.setdiff1d(own, c)].mean() for c, own in zip(chosen, rows, strict=True)
        ]
        differences.append(np.mean(parts))
    first = scores.networks["arm"].to_numpy() == "a"
    observed = np.mean([means[own[first[own]]].mean() - means[own[~first[own]]].mean() for own in rows])
    row = result.table.iloc[-1]
    assert result.permutations == len(differences) == 400
    assert row["estimate"] == pytest.approx(observed)
    assert row["p"] == pytest.approx(np.mean(np.abs(differences) >= abs(observed) - 1e-12))


def test_drawn_assignments_come_near(study):
    scores = part(study, 4, 2)
    exact = permutation_test(scores, "arm", "a", "b").table["p"].to_numpy()
    drawn = permutation_test(scores, "arm", "a", "b", limit=4000)
    assert not drawn.exact
    np.testing.assert_allclose(drawn.table["p"], exact, atol=0.04)
    assert (drawn.table["p_max"] >= drawn.table["p"]).all()


def test_labels_of_arms_may_be_swapped(study):
    scores = part(study, 3, 2)
    one, two = (permutation_test(scores, "arm", *names).table for names in (("a", "b"), ("b", "a")))
    np.testing.assert_allclose(one["p"], two["p"])
    np.testing.assert_allclose(one["estimate"], -two["estimate"])


def test_refusals(study):
    scores = read_scores(study)
    with pytest.raises(StatisticsError, match="not a factor between networks"):
        permutation_test(scores, "method", "m0", "m1")
    with pytest.raises(StatisticsError, match="no arm 'c'"):
        permutation_test(scores, "arm", "a", "c")
    apart = read_scores(study[(study["arm"] == "a") == (study["depth"] == 1)])
    with pytest.raises(StatisticsError, match="no stratum in common"):
        permutation_test(apart, "arm", "a", "b")
