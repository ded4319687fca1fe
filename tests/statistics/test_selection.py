"""Matched networks, jointly correct samples, correct against incorrect samples: small tables by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xaigt.statistics import (
    StatisticsError,
    compare,
    correct_against_incorrect,
    jointly_correct,
    matched_design,
)

# Mean accuracies of the "best" regime as published (arXiv 2306.12150): depth 1 of the ImageNet arm stops at
# .744.
REACHED = {"imagenet": (0.744, 0.880, 0.889, 0.885), "mri": (0.822, 0.907, 0.880, 0.885)}
CELLS = pd.DataFrame(
    [
        {
            "arm": arm,
            "depth": depth,
            "val_accuracy": value,
            "network_id": f"{arm}{depth}",
            "accuracy": value - 0.01,
        }
        for arm, values in REACHED.items()
        for depth, value in enumerate(values, start=1)
    ]
)


def test_cells_that_cannot_reach_the_common_accuracy_are_listed():
    result = matched_design(CELLS, caliper=0.02, target=0.89)
    assert result.unmatched["arm"].tolist() == ["imagenet", "mri"]
    assert result.unmatched["depth"].tolist() == [1, 1]
    assert result.unmatched["nearest"].tolist() == [0.744, 0.822]
    assert result.networks["network_id"].tolist() == [
        "imagenet2",
        "imagenet3",
        "imagenet4",
        "mri2",
        "mri3",
        "mri4",
    ]
    assert "2 of 8 cells are unmatched" in result.sentence
    assert "imagenet/1" in result.sentence
    reported = result.cells.set_index(["arm", "depth"]).loc[("mri", 2)]
    assert reported["accuracy"] == pytest.approx(0.897)


def test_the_target_that_leaves_fewest_cells_out():
    result = matched_design(CELLS, caliper=0.02)
    assert len(result.unmatched) == 2
    target = result.cells["target"].iloc[0]
    # The six others lie between .880 and .907: a target between .887 and .900 keeps them all.
    assert 0.887 - 1e-9 <= target <= 0.900 + 1e-9
    assert len(result.networks) == 6


def test_a_target_of_its_own_in_each_depth():
    result = matched_design(CELLS, caliper=0.05, within=["depth"])
    assert result.unmatched.empty
    assert result.cells.set_index(["arm", "depth"])["target"][("mri", 1)] == pytest.approx((0.744 + 0.822) / 2)


def test_matching_refusals():
    with pytest.raises(StatisticsError, match="caliper must be positive"):
        matched_design(CELLS, caliper=0)
    with pytest.raises(StatisticsError, match="two rows"):
        matched_design(pd.concat([CELLS, CELLS]), caliper=0.1)
    with pytest.raises(StatisticsError, match="no column 'val_accuracy'"):
        matched_design(CELLS.drop(columns="val_accuracy"), caliper=0.1)
    with pytest.raises(StatisticsError, match="finite"):
        matched_design(CELLS.assign(accuracy=np.nan), caliper=0.1)


@pytest.fixture
def judged(study):
    """n000 is wrong on samples 0 to 3, n012 on 3 and 4, all others right."""
    wrong = ((study["network_id"] == "n000") & (study["sample"] < 4)) | (
        (study["network_id"] == "n012") & study["sample"].isin([3, 4])
    )
    return study.assign(correct=~wrong)


def test_jointly_correct_samples(judged):
    result = jointly_correct(judged, "arm", by=["method"])
    assert (result.kept, result.total) == (7, 12)
    worst = result.worst.iloc[0]
    assert (worst["network"], worst["lost_by_it_alone"], worst["kept_so_far"]) == ("n000", 3, 7)
    assert result.worst.iloc[1]["kept_so_far"] == 10
    assert "7 of 12 samples (58%)" in result.sentence
    expected = compare(judged[judged["sample"] > 4], covariate=None).contrasts("arm", by="method")
    ours = result.contrasts[result.contrasts["samples"] == "jointly correct"]
    np.testing.assert_allclose(ours["estimate"], expected["estimate"])
    np.testing.assert_allclose(ours["p"], expected["p"])
    everything = result.contrasts[result.contrasts["samples"] == "all"]
    np.testing.assert_allclose(everything["p"], compare(judged).contrasts("arm", by="method", analysis="total")["p"])


def test_no_jointly_correct_sample(judged):
    with pytest.raises(StatisticsError, match="'n000', is right on 0%"):
        jointly_correct(judged.assign(correct=judged["network_id"] != "n000"))


def test_contradictory_correctness(judged):
    with pytest.raises(StatisticsError, match="both true and false"):
        jointly_correct(judged.assign(correct=judged["method"] == "m0"))


def test_correct_against_incorrect_is_a_t_test_of_networks(judged):
    rows = correct_against_incorrect(judged).set_index("method")
    own = judged[(judged["method"] == "m1") & judged["network_id"].isin(["n000", "n012"])]
    by = own.groupby(["network_id", "correct"])["value"].mean().unstack()
    differences = by[True] - by[False]
    expected = stats.ttest_1samp(differences, 0)
    assert rows.loc["m1", "networks"] == 2
    assert rows.loc["m1", "left_out"] == 22
    assert rows.loc["m1", "estimate"] == pytest.approx(differences.mean())
    assert rows.loc["m1", "p"] == pytest.approx(expected.pvalue)
    assert rows.loc["m1", "incorrect"] == pytest.approx(3)
    assert (rows["p_holm"] >= rows["p"]).all()


def test_correct_against_incorrect_over_two_factors_or_none(judged):
    assert len(correct_against_incorrect(judged, by=["arm", "method"])) == 6
    whole = correct_against_incorrect(judged[judged["method"] == "m0"], by=[])
    assert whole["networks"].tolist() == [2]
    with pytest.raises(StatisticsError, match="both correct and incorrect"):
        correct_against_incorrect(judged.assign(correct=True))
