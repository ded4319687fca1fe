"""It says so: no overlap, extrapolation, singular fits, few networks, constants, saturation, shared runs."""

from __future__ import annotations

import numpy as np
import pytest

from xaigt.statistics import StatisticsError, compare


def finding(result, code):
    found = [item for item in result.findings if item.code == code]
    assert found, f"{code} not among {[item.code for item in result.findings]}"
    return found[0]


def of_network(study, values):
    """A column that is constant in each network."""
    return study["network_id"].str[1:].astype(int).map(lambda i: values[i])


def test_arms_that_do_not_overlap(study):
    accuracy = of_network(study, [2 + 0.1 * (i % 4) + (1 if i < 12 else 0) for i in range(24)])
    result = compare(study.assign(dprime=accuracy))
    row = result.overlap[result.overlap["factor"] == "arm"].iloc[0]
    assert row["share"] == 0
    assert row["gap"] == pytest.approx(1)
    assert "share 0% of their range" in finding(result, "overlap").sentence
    assert "6 cells" in finding(result, "extrapolation").sentence


def test_share_of_the_range_by_hand(study):
    accuracy = of_network(study, [1 + i / 11 if i < 12 else 1.5 + (i - 12) / 11 for i in range(24)])
    result = compare(study.assign(dprime=accuracy), factors=["arm", "method"])
    row = result.overlap.iloc[0]
    assert (row["low"], row["high"], row["share"]) == pytest.approx((1.5, 2.0, 0.5 / 1.5))


def test_accuracy_that_does_not_vary_within_cells(study):
    accuracy = of_network(study, [float(i // 4) for i in range(24)])
    result = compare(study.assign(dprime=accuracy))
    assert "hardly varies within cells" in finding(result, "singular").sentence
    arms = result.contrasts("arm", analysis="adjusted")
    assert arms[["estimate", "se", "p", "low"]].isna().all(axis=None)
    assert result.contrasts("arm", analysis="total")["p"].notna().all()
    assert "cannot be estimated" in result.sentences()[1]


def test_an_empty_cell(study):
    part = study[~((study["arm"] == "a") & (study["depth"] == 3))]
    result = compare(part)
    assert "a/3" in finding(result, "empty_cells").sentence
    arms = result.contrasts("arm", by="depth", analysis="total").set_index("depth")
    assert arms["estimate"].isna().tolist() == [False, False, True]
    assert result.contrasts("arm", analysis="total")["estimate"].isna().all()


def test_few_networks(study):
    part = study[study["network_id"].isin([f"n{4 * cell + i:03d}" for cell in range(6) for i in range(2)])]
    result = compare(part)
    assert finding(result, "few_networks").level == "warning"
    assert "5 residual degrees" not in str(result)
    assert result.fits["adjusted"].residual_df == 5
    one_arm = part[part["depth"] == 1]
    assert "adjusted model has 1 residual degrees of freedom" in str(compare(one_arm, factors=["arm", "method"]))


def test_too_few_for_an_adjustment_leaves_the_total_effect(study):
    part = study[study["network_id"].isin(["n000", "n001", "n012"])]
    result = compare(part, factors=["arm", "method"])
    assert result.analyses == ("total", "naive")
    assert finding(result, "no_adjusted").level == "refused"


def test_a_constant_method(study):
    result = compare(study.assign(value=study["value"].mask(study["method"] == "m1", 0.5)))
    assert "m1" in finding(result, "constant").sentence
    rows = result.contrasts("arm", by="method").set_index("method")
    assert rows.loc["m1", "estimate"] == pytest.approx(0, abs=1e-12)
    assert rows.loc["m1", ["se", "p", "p_holm"]].isna().all()
    assert rows.loc[["m0", "m2"], "p_holm"].notna().all()


def test_saturated_accuracy(study):
    values = np.random.default_rng(0).uniform(0.985, 0.999, 24)
    result = compare(study.assign(auc=of_network(study, values)), covariate="auc")
    assert "saturates" in finding(result, "saturated").sentence


def test_one_pretraining_run_an_arm(study):
    result = compare(study.assign(pretrain_id=study["arm"]))
    sentence = finding(result, "one_pretraining_run").sentence
    assert "n = 1" in sentence
    assert "not about this way of pre-training" in sentence


def test_shared_pretraining_runs(study):
    run = study["arm"] + of_network(study, [str(i % 2) for i in range(24)])
    table = study.assign(pretrain_id=run)
    assert "cluster='pretrain_id'" in finding(compare(table), "shared_pretraining").sentence
    clustered = compare(table, cluster="pretrain_id")
    assert "pretrain_id" in finding(clustered, "cluster_robust").sentence
    assert "few_df" in {item.code for item in clustered.findings}


def test_each_network_its_own_run_is_no_warning(study):
    result = compare(study.assign(pretrain_id=study["network_id"]))
    assert not {"one_pretraining_run", "shared_pretraining"} & {item.code for item in result.findings}


def test_logit_scale(study):
    table = study.assign(value=1 / (1 + np.exp(-study["value"])))
    result = compare(table, scale="logit")
    means = result.means("arm")
    np.testing.assert_allclose(means["response"], 1 / (1 + np.exp(-means["estimate"])))
    assert "naive" not in result.fits
    network_means = table.groupby(["network_id", "method"])["value"].mean().unstack()
    np.testing.assert_allclose(result.responses, np.log(network_means / (1 - network_means)))
    ends = table.assign(value=table["value"].mask(table["network_id"] == "n000", 1.0))
    assert "moved towards 0.5" in finding(compare(ends, scale="logit"), "logit_squeezed").sentence


def test_sentences_put_the_total_effect_first_and_print_assumptions(study):
    words = compare(study, covariate_se="dprime_se").sentences("arm")
    assert "the total effect is" in words[1]
    assert words[1].index("total") < words[1].index("corrected") < words[1].index("naive")
    text = "\n".join(words)
    share = compare(study, covariate_se="dprime_se").sensitivity("arm")["r2_zero"].iloc[0]
    assert f"must explain {share:.0%} of the variance of each" in text
    for expected in ("controlled direct effect", "nothing unmeasured", "without error", "do not report it"):
        assert expected in text


def test_side_by_side_says_what_the_correction_changed(study):
    table = compare(study, covariate_se="dprime_se").side_by_side("arm").set_index("analysis")
    assert table.index.tolist() == ["total", "adjusted", "corrected", "naive"]
    change = table["estimate"] - table.loc["total", "estimate"]
    np.testing.assert_allclose(table["change"], change, atol=1e-12)
    zero_in = (table["low"] < 0) & (table["high"] > 0)
    assert (table["verdict_changed"] == (zero_in != zero_in["total"])).all()


def test_equivalence_needs_the_simultaneous_interval_inside_the_margin(study):
    rows = compare(study).contrasts("arm", by="method", margin=0.15)
    inside = (rows["low_simultaneous"] > -0.15) & (rows["high_simultaneous"] < 0.15)
    assert rows["equivalent"].tolist() == inside.tolist()
    assert compare(study).contrasts("arm", margin=10)["equivalent"].all()
    assert not compare(study).contrasts("arm", margin=1e-9)["equivalent"].any()
    with pytest.raises(StatisticsError, match="margin must be positive"):
        compare(study).contrasts("arm", margin=-1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.contrasts("amr"), "did you mean 'arm'"),
        (lambda r: r.contrasts("arm", "pair"), "did you mean 'pairs'"),
        (lambda r: r.contrasts("arm", "control", reference="c"), "no level"),
        (lambda r: r.contrasts("arm", analysis="corrected"), "no analysis 'corrected'"),
        (lambda r: r.means("stage"), "no factor 'stage'"),
    ],
)
def test_wrong_questions(study, call, message):
    with pytest.raises(StatisticsError, match=message):
        call(compare(study))


def test_correlations_by_hand(study):
    result = compare(study)
    rows = result.correlations()
    own = rows[rows["repeated"] == "m1"].set_index("scope")
    x, y = result.scores.networks["dprime"].to_numpy(float), result.responses[:, 1]
    assert own.loc["all", "pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    cells = np.arange(24) // 4
    deviation = [v - np.array([v[cells == c].mean() for c in range(6)])[cells] for v in (x, y)]
    assert own.loc["within cells", "pearson"] == pytest.approx(np.corrcoef(*deviation)[0, 1])
    first = own.loc["within a/1"]
    r = np.corrcoef(x[:4], y[:4])[0, 1]
    assert first["pearson"] == pytest.approx(r)
    assert first["high"] == pytest.approx(np.tanh(np.arctanh(r) + 1.959964 / np.sqrt(1)), abs=1e-6)
    arms = result.correlations(by=["arm"])
    assert set(arms["scope"]) == {"all", "within a", "within b", "within cells", "between cells"}
    assert arms[arms["scope"] == "between cells"]["note"].eq("2 points are too few").all()


def test_families_apart_are_the_rows_tested_apart(study):
    result = compare(study)
    apart = result.contrasts("depth", by="method", family="by")
    assert (apart["p_holm"] <= result.contrasts("depth", by="method")["p_holm"] + 1e-12).all()
    for method in ("m0", "m1", "m2"):
        alone = compare(study[study["method"] == method], factors=["arm", "depth"]).contrasts("depth")
        own = apart[apart["method"] == method]
        for column in ("p_holm", "p_fdr", "p_simultaneous", "low_simultaneous"):
            np.testing.assert_allclose(own[column], alone[column], rtol=1e-6, err_msg=column)


def test_a_factor_by_itself_is_refused(study):
    with pytest.raises(StatisticsError, match="by its own levels"):
        compare(study).contrasts("arm", by="arm")


@pytest.mark.parametrize("factors", [["arm", "depth", "method"], ["arm", "method"], ["arm"]])
def test_one_level_is_no_trouble(study, factors):
    part = study[(study["arm"] == "a") & (study["method"] == "m0")]
    result = compare(part, factors=factors)
    assert result.means()["se"].notna().all()
    with pytest.raises(StatisticsError, match="two levels or more"):
        result.contrasts("arm")
    assert "networks" in str(result)


def test_components_of_few_networks_say_how_little_is_known(study):
    part = study[study["network_id"].isin([f"n{4 * cell + i:03d}" for cell in range(6) for i in range(2)])]
    sentences = [item.sentence for item in compare(part).components.findings if item.code == "few_df"]
    assert "6 degrees of freedom" in sentences[0]
    assert "from 0.64 to 2.2 times" in sentences[0]


def test_a_known_error_that_is_not_used_is_told(study):
    assert "covariate_se='dprime_se'" in finding(compare(study), "measurement_error").sentence
    for result in (compare(study, covariate_se="dprime_se"), compare(study.drop(columns="dprime_se"))):
        assert "measurement_error" not in {item.code for item in result.findings}
    cells = study[["network_id", "dprime", "dprime_se"]].drop_duplicates()
    assert finding(compare(study.drop(columns=["dprime", "dprime_se"]), cells=cells), "measurement_error")
