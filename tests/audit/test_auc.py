"""Areas, intervals, verdicts: against counting pairs, known variances, and simulated coverage."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.audit.auc import area, critical_value, interval, standard_error
from xaigt.audit.features import nearness, out_of_fold
from xaigt.audit.lines import Role, Verdict, folded, judge, needed
from xaigt.audit.predictors import FOLDS, folds, logistic, tree


def pairs(score, label):
    """Share of pairs that are in order, ties as half: the definition."""
    found = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(score[label], score[~label])]
    return float(np.mean(found))


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=40))
def test_the_area_is_the_share_of_pairs_in_order(items):
    score, label = np.array([a for a, _ in items], float), np.array([b for _, b in items])
    if label.all() or not label.any():
        with pytest.raises(ValueError, match="both classes"):
            area(score, label)
        return
    found = area(score, label)
    assert found.value == pytest.approx(pairs(score, label))
    assert area(-score, label).value == pytest.approx(1 - found.value)
    assert area(np.exp(score), label).value == pytest.approx(found.value)  # ranks alone count


def test_folds_are_compared_within_themselves():
    score = np.array([1.0, 0.0, 11.0, 10.0])  # each fold in order, the folds far apart
    label = np.array([True, False, True, False])
    assert area(score, label, np.array([0, 0, 1, 1])).value == 1.0
    assert area(score, label).value == 0.75


def test_the_variance_is_that_of_delong():
    rng = np.random.default_rng(0)
    score, label = rng.normal(size=50), np.arange(50) < 20
    score[label] += 0.8
    ones, zeros = score[label], score[~label]
    v10 = np.array([np.mean((a > zeros) + 0.5 * (a == zeros)) for a in ones])
    v01 = np.array([np.mean((ones > b) + 0.5 * (ones == b)) for b in zeros])
    delong = v10.var(ddof=1) / 20 + v01.var(ddof=1) / 30
    assert (area(score, label).influence ** 2).sum() == pytest.approx(delong)


def test_the_critical_value_of_independent_areas_is_that_of_independent_normals():
    from scipy import stats

    rng = np.random.default_rng(1)
    label = np.arange(600) % 2 == 0
    influence = np.stack([area(rng.normal(size=600), label).influence for _ in range(20)], 1)
    exact = stats.norm.ppf(0.5 + 0.95 ** (1 / 20) / 2)  # 3.03
    assert critical_value(influence, np.arange(600)) == pytest.approx(exact, abs=0.12)
    same = np.repeat(influence[:, :1], 20, 1)
    assert critical_value(same, np.arange(600)) == pytest.approx(stats.norm.ppf(0.975), abs=0.08)


def test_intervals_cover_together():
    """30 areas at once, true values .5 and .76: the share of 200 data sets with every interval right."""
    rng = np.random.default_rng(2)
    label, right = np.arange(80) % 2 == 0, 0
    for _ in range(200):
        found = [area(rng.normal(size=80) + shift * label, label) for shift in [0.0] * 15 + [1.0] * 15]
        critical = critical_value(np.stack([one.influence for one in found], 1), np.arange(80), draws=500)
        true = [0.5] * 15 + [0.7602] * 15  # Phi(1 / sqrt 2)
        ends = [interval(one, np.arange(80), critical) for one in found]
        right += all(low <= value <= high for (low, high), value in zip(ends, true, strict=True))
    assert 0.92 <= right / 200 <= 1.0


def test_repeated_subjects_widen_the_interval():
    rng = np.random.default_rng(3)
    score, label = np.repeat(rng.normal(size=60), 4), np.repeat(np.arange(60) % 2 == 0, 4)
    found = area(score, label)
    apart = interval(found, np.arange(240), 2.0)
    together = interval(found, np.repeat(np.arange(60), 4), 2.0)
    assert together[1] - together[0] == pytest.approx(2 * (apart[1] - apart[0]), rel=0.15)


def test_the_standard_error_at_chance_is_that_of_ranks():
    label = np.arange(60) % 3 == 0  # 20 against 40: (n + 1) / (12 a b), of Mann and Whitney
    found = area(np.random.default_rng(0).permutation(60).astype(float), label)
    assert standard_error(found, np.arange(60)) == pytest.approx((61 / (12 * 20 * 40)) ** 0.5, rel=0.1)


@pytest.mark.parametrize(("learn", "columns"), [(logistic, 8), (out_of_fold, 200)])
def test_chance_that_carries_from_fold_to_fold_is_in_the_interval(learn, columns):
    """Over labels shuffled within blocks, the area scatters as the interval says; a given classifier's does less."""
    rng = np.random.default_rng(4)
    values, samples = rng.normal(size=(80, columns)).astype(np.float32), np.arange(80)
    fold = folds(samples % 2, samples // 2, 0)
    deviations, ratios = [], []
    for _ in range(80):
        label = np.concatenate([rng.permutation(2) for _ in range(40)]).astype(bool)
        score = learn(values, label, fold)
        learned, given_ = area(score, label, fold), area(score, label)
        error = standard_error(learned, samples)
        assert error > 1.3 * standard_error(given_, samples)
        deviations.append((learned.value - 0.5) / error)
        ratios.append(learned.value - 0.5 > 2.5 * error)
    assert 0.8 < np.sqrt(np.mean(np.square(deviations))) < 1.2
    assert np.mean(ratios) <= 0.025


def test_what_goes_by_the_place_in_a_block_is_as_sure_as_there_are_blocks():
    """The parity of the file order: each block of two has both classes, so it says one thing, not two."""
    rng, samples = np.random.default_rng(5), np.arange(120)
    ways = np.stack([samples, samples // 2], 1)
    deviations = []
    for _ in range(300):
        label = np.concatenate([rng.permutation(2) for _ in range(60)]).astype(bool)
        found = area(samples % 2, label)
        deviations.append((found.value - 0.5) / standard_error(found, ways))
    assert np.sqrt(np.mean(np.square(deviations))) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("samples", "lowest"), [(6, 0.35), (20, 0.7), (400, 0.97)])
def test_a_perfect_area_of_few_samples_is_not_certain(samples, lowest):
    label = np.arange(samples) % 2 == 0
    low, high = interval(area(label.astype(float) + np.linspace(0, 0.1, samples), label), np.arange(samples), 3.0)
    assert high == 1.0 and lowest - 0.2 < low < 1.0
    assert low >= lowest - 0.15


def test_a_constant_tells_nothing_for_certain():
    label = np.arange(20) % 2 == 0
    assert interval(area(np.ones(20), label), np.arange(20), 3.0) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        (0.5, 0.4, 0.6, (0.5, 0.5, 0.6)),
        (0.4, 0.3, 0.45, (0.6, 0.55, 0.7)),
        (0.7, 0.6, 0.8, (0.7, 0.6, 0.8)),
        (0.45, 0.35, 0.52, (0.55, 0.5, 0.65)),
    ],
)
def test_folding(value, low, high, wanted):
    assert folded(value, low, high) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("role", "low", "high", "wanted"),
    [
        (Role.SHORTCUT, 0.5, 0.55, Verdict.PASS),
        (Role.SHORTCUT, 0.5, 0.551, Verdict.INCONCLUSIVE),
        (Role.SHORTCUT, 0.55, 0.7, Verdict.INCONCLUSIVE),
        (Role.SHORTCUT, 0.551, 0.7, Verdict.FAIL),
        (Role.DECLARED, 0.551, 0.7, Verdict.PASS),
        (Role.DECLARED, 0.5, 0.54, Verdict.FAIL),
        (Role.DECLARED, 0.5, 0.7, Verdict.INCONCLUSIVE),
        (Role.EVIDENCE, 0.76, 1.0, Verdict.PASS),
        (Role.EVIDENCE, 0.6, 0.9, Verdict.INCONCLUSIVE),
        (Role.EVIDENCE, 0.5, 0.54, Verdict.FAIL),
        (Role.NATURE, 0.9, 1.0, Verdict.NOT_JUDGED),
    ],
)
def test_verdicts(role, low, high, wanted):
    assert judge(role, low, high) is wanted


def test_the_n_that_decides():
    # Half-width .08 must become .04 (from .51 to .55): four times as many.
    assert needed(1000, 0.51, 0.5, 0.59) == 4000
    # From below: .60 - .52 = .08 must become .05.
    assert needed(1000, 0.60, 0.52, 0.68) == 2600
    assert needed(1000, 0.55, 0.5, 0.6) is None


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 2)), min_size=12, max_size=60), st.integers(0, 5))
def test_folds_never_tear_a_subject_apart(items, seed):
    _, subject = np.unique([a for a, _ in items], return_inverse=True)
    fold = folds(np.array([b for _, b in items]), subject, seed)
    assert set(fold) <= set(range(FOLDS))
    assert all(len(set(fold[subject == number])) == 1 for number in range(subject.max() + 1))


def test_folds_hold_the_classes_evenly():
    label = np.arange(100) % 2
    fold = folds(label, np.arange(100), 0)
    assert [int(label[fold == number].sum()) for number in range(FOLDS)] == [10] * FOLDS


def test_a_tree_sees_the_middle_against_the_ends():
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, 400)
    label = np.abs(values) > 0.5
    fold = folds(label.astype(int), np.arange(400), 0)
    assert area(values, label).value == pytest.approx(0.5, abs=0.06)
    assert area(tree(values[:, None], label, fold), label, fold).value > 0.97


def test_what_is_missing_is_seen_by_the_tree():
    rng = np.random.default_rng(0)
    label = np.arange(200) % 2 == 0
    values = np.where(label & (rng.random(200) < 0.9), np.nan, rng.normal(size=200))
    fold = folds(label.astype(int), np.arange(200), 0)
    assert area(tree(values[:, None], label, fold), label, fold).value > 0.9


def test_a_number_in_the_middle_is_told_by_nearness_and_by_no_line():
    rng = np.random.default_rng(6)
    number = np.arange(200) % 4
    values = (number[:, None] + rng.normal(0, 1, (200, 30))).astype(np.float32)
    fold = folds(number, np.arange(200) // 4, 0)
    for wanted in (1, 2):
        label = number == wanted
        assert area(nearness(values, number, wanted, fold), label, fold).value > 0.85
        assert area(out_of_fold(values, label, fold), label, fold).value < 0.7
