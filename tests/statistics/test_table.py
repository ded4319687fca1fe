"""The score table: what is refused, and with which words; what is left out, and said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xaigt.statistics import StatisticsError, compare, read_scores


def test_shapes_and_roles(study):
    scores = read_scores(study)
    assert scores.values.shape == (24, 3, 12)
    assert scores.between == ("arm", "depth")
    assert scores.within == ("method",)
    assert list(scores.networks.index) == [f"n{i:03d}" for i in range(24)]
    one = study[(study["network_id"] == "n005") & (study["method"] == "m2")]
    np.testing.assert_allclose(scores.values[5, 2], one.sort_values("sample")["value"])
    assert scores.means[5, 2] == pytest.approx(one["value"].mean())


def test_two_repeated_factors_and_a_compound_sample(study):
    table = pd.concat([study.assign(stage=stage, target=0) for stage in ("early", "late")])
    scores = read_scores(table, factors=["arm", "stage", "method"], sample=["sample", "target"])
    assert scores.values.shape == (24, 6, 12)
    assert scores.repeated.to_dict("records")[1] == {"stage": "early", "method": "m1"}


def test_numeric_levels_are_in_numeric_order(study):
    table = study.assign(depth=study["depth"].map({1: 2, 2: 10, 3: 0}))
    assert list(compare(table, covariate=None).factors["depth"]) == [0, 2, 10]


def test_categorical_levels_keep_their_order(study):
    table = study.assign(arm=pd.Categorical(study["arm"], ["b", "a", "unused"]))
    result = compare(table, covariate=None)
    assert list(result.factors["arm"]) == ["b", "a"]
    assert result.contrasts("arm")["contrast"].tolist() == ["b - a"]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.drop(columns="value"), {}, "no column 'value'"),
        (lambda t: t.rename(columns={"method": "methods"}), {}, "did you mean 'methods'"),
        (lambda t: t.iloc[:0], {}, "no rows"),
        (lambda t: pd.concat([t, t.iloc[:3]]), {}, "3 rows of the score table repeat another one"),
        (lambda t: pd.concat([t.assign(stage=1), t.assign(stage=2)]), {}, "'stage' tells them apart"),
        (lambda t: t.assign(arm=t["arm"].where(t.index > 5)), {}, "missing in 6 rows"),
        (lambda t: t.assign(value=np.inf), {}, "864 infinite scores"),
        (lambda t: t.assign(value=0.25), {}, "every value is 0.25: constant scores"),
        (lambda t: t.assign(dprime=1.5), {}, "nothing to adjust"),
        (lambda t: t.assign(dprime=np.arange(len(t))), {}, "'dprime' varies within one network_id"),
        (lambda t: t.assign(dprime="good"), {}, "not a finite number"),
        (lambda t: t.drop(columns="dprime"), {}, "pass covariate=None for the total effect"),
        (lambda t: t, {"covariate": "dprim"}, "no column 'dprim'"),
        (
            lambda t: t.assign(sample=t["network_id"] + t["sample"].astype(str)),
            {},
            "no sample was scored for every",
        ),
        (lambda t: t, {"level": 95}, "level must lie between"),
        (lambda t: t, {"slopes": "dept"}, "did you mean 'depth'"),
        (lambda t: t.assign(run=t["arm"].where(t["network_id"] != "n004")), {"cluster": "run"}, "missing for n004"),
        (lambda t: t, {"spline_df": 1}, "2 or more"),
        (lambda t: t, {"scale": "logit"}, "needs scores between 0 and 1"),
        (lambda t: t, {"formula": "arm + dprime"}, "'score ~ factors"),
        (lambda t: t, {"formula": "value ~ arm"}, "'dprime' does not occur"),
        (lambda t: t, {"formula": "value ~ arm * method + dprime", "repeated": ()}, "name it in repeated"),
        (lambda t: t, {"formula": "value ~ arm +* dprime"}, "cannot be used"),
        (lambda t: t, {"generalize": "samples", "test": "cr2"}, "generalize='samples' needs"),
        (
            lambda t: t[t["network_id"].isin(["n000", "n004", "n008"])],
            {"covariate": None},
            "residual degrees",
        ),
    ],
)
def test_refused(study, change, options, message):
    with pytest.raises(StatisticsError, match=message):
        compare(change(study), **options)


def test_twice_in_the_table_of_cells(study):
    cells = study[["network_id", "dprime"]].drop_duplicates()
    bare = study.drop(columns="dprime")
    with pytest.raises(StatisticsError, match="two rows for network_id"):
        compare(bare, cells=pd.concat([cells, cells]))


def codes(result):
    return {finding.code for finding in result.findings}


def test_missing_scores_take_their_sample_away_from_all(study):
    hole = (study["network_id"] == "n003") & (study["method"] == "m1") & (study["sample"] == 4)
    result = compare(study.assign(value=study["value"].mask(hole)))
    assert {"missing", "common_samples"} <= codes(result)
    assert 4 not in result.scores.samples
    assert len(result.scores.samples) == 11
    without = compare(study[study["sample"] != 4])
    pd.testing.assert_frame_equal(result.contrasts("arm"), without.contrasts("arm"))


def test_networks_without_accuracy_are_left_out_and_named(study):
    result = compare(study.assign(dprime=study["dprime"].mask(study["network_id"] == "n009")))
    finding = next(finding for finding in result.findings if finding.code == "missing_covariate")
    assert "n009" in finding.sentence
    without = compare(study[study["network_id"] != "n009"])
    pd.testing.assert_frame_equal(result.contrasts("arm"), without.contrasts("arm"))


def test_a_missing_method_calls_for_cluster_robust_errors(study):
    part = study[~((study["network_id"] == "n003") & (study["method"] == "m1"))]
    result = compare(part)
    assert "CR2" in result.fits["total"].name
    assert "cluster_robust" in codes(result)
    forced = compare(part, test="ols")
    assert "incomplete" in codes(forced)
    assert len(forced.scores.networks) == 23


def test_means_over_an_incomplete_set_are_refused(study):
    table = pd.concat([study.assign(stage=1), study[study["method"] != "m2"].assign(stage=2)])
    result = compare(table, factors=["arm", "depth", "method", "stage"])
    with pytest.raises(StatisticsError, match="would compare different sets"):
        result.contrasts("method")
    assert len(result.means(["method", "stage"])) == 5
