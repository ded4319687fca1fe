"""Parity with R's lm, lme4, emmeans and clubSandwich on committed tables (script and versions: r_parity/)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from xaigt.statistics import compare, read_scores, variance_components

HERE = Path(__file__).parent / "r_parity"
R = json.loads((HERE / "results.json").read_text())
OPTIONS = {
    "total": {},
    "adjusted": {},
    "separate": {"slopes": "arm"},
    "spline": {"spline_df": 2},
}


@pytest.fixture(scope="module")
def study():
    return pd.read_csv(HERE / "study.csv")


@pytest.fixture(scope="module")
def fitted(study):
    return {name: compare(study, **options) for name, options in OPTIONS.items()}


def theirs(name, part):
    return pd.DataFrame(R[name][part] if part else R[name])


def close(ours, reference, columns, rtol=1e-7, atol=1e-10):
    for column, other in columns.items():
        np.testing.assert_allclose(
            ours[column].to_numpy(float),
            reference[other].to_numpy(float),
            rtol=rtol,
            atol=atol,
            err_msg=column,
        )


INTERVAL = {"estimate": "emmean", "se": "SE", "df": "df", "low": "lower.CL", "high": "upper.CL"}
TEST = {
    "estimate": "estimate",
    "se": "SE",
    "df": "df",
    "t": "t.ratio",
    "p": "p.value",
    "low": "lower.CL",
    "high": "upper.CL",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_marginal_means(fitted, name):
    analysis = "total" if name == "total" else "adjusted"
    ours = fitted[name].means(analysis=analysis).sort_values(["method", "depth", "arm"])
    reference = theirs(name, "cells").sort_values(["method", "depth", "arm"])
    close(ours, reference, INTERVAL)
    close(fitted[name].means("arm", analysis), theirs(name, "arm_means"), INTERVAL)


@pytest.mark.parametrize("name", OPTIONS)
def test_contrasts_one_by_one(fitted, name):
    analysis = "total" if name == "total" else "adjusted"
    result = fitted[name]
    close(result.contrasts("arm", by="method", analysis=analysis), theirs(name, "arm_by_method"), TEST)
    close(result.contrasts("depth", analysis=analysis), theirs(name, "depth_pairs"), TEST)
    close(result.contrasts("depth", "trend", analysis=analysis), theirs(name, "depth_trend"), TEST)


@pytest.mark.parametrize("name", OPTIONS)
def test_families(fitted, name):
    analysis = "total" if name == "total" else "adjusted"
    arms = fitted[name].contrasts("arm", by="method", analysis=analysis)
    close(arms, theirs(name, "arm_by_method_holm"), {"p_holm": "p.value"})
    close(arms, theirs(name, "arm_by_method_fdr"), {"p_fdr": "p.value"})
    together = {"p_simultaneous": "p.value", "low_simultaneous": "lower.CL", "high_simultaneous": "upper.CL"}
    for part, ours in {
        "depth_pairs_mvt": fitted[name].contrasts("depth", analysis=analysis),
        "depth_control": fitted[name].contrasts("depth", "control", reference=1, analysis=analysis),
        "method_pairs_mvt": fitted[name].contrasts("method", analysis=analysis),
    }.items():
        # mvtnorm integrates by a lattice rule with an error of about 1e-3; so do we.
        close(ours, theirs(name, part), together, rtol=3e-3, atol=1.5e-3)


def test_naive(fitted):
    ours = fitted["total"].contrasts("arm", by="method", analysis="naive")
    close(ours, pd.DataFrame(R["naive"]), {"estimate": "estimate", "se": "SE", "df": "df", "t": "t.ratio"})


def test_one_response_is_the_analysis_of_covariance(study):
    result = compare(study[study["method"] == "m0"], factors=["arm", "depth"])
    close(result.contrasts("arm", analysis="adjusted"), theirs("one_response", "arm"), TEST)
    fit = result.fits["adjusted"]
    assert fit.residual_df == R["one_response"]["df"]
    assert np.sqrt(fit.residual_covariance[0, 0]) == pytest.approx(R["one_response"]["sigma"], rel=1e-9)
    slope = fit.coefficients[fit.design.slope_column(result.scores.networks["dprime"].to_numpy()), 0]
    assert slope == pytest.approx(R["one_response"]["coefficients"]["dprime"], rel=1e-9)


COMPONENTS = {
    "pretraining run": "pretrain_id",
    "network": "network_id",
    "network:method": "network_id:method",
    "sample": "sample",
    "sample:method": "sample:method",
    "network:sample": "network_id:sample",
    "residual": "Residual",
}


@pytest.mark.parametrize(("keep", "name"), [((), "components"), (("pretrain_id",), "components_with_run")])
def test_variance_components_of_crossed_effects(study, keep, name):
    ours = variance_components(read_scores(study, keep=keep))
    assert list(ours.table["component"]) == [own for own in COMPONENTS if COMPONENTS[own] in R[name]]
    for own, other in COMPONENTS.items():
        # lme4 stops where the deviance no longer falls: about four digits.
        assert ours.variance(own) == pytest.approx(R[name].get(other, 0.0), rel=2e-4, abs=1e-12)
    assert ours.table["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize(("cluster", "name"), [(None, "cr2_network"), ("pretrain_id", "cr2_run")])
def test_cluster_robust(cluster, name):
    table = pd.read_csv(HERE / "unbalanced.csv")
    result = compare(table, cluster=cluster)
    assert result.at == pytest.approx(R["cr2_at"], rel=1e-12)
    ours = result.contrasts("arm", by="method", analysis="adjusted")
    close(
        ours,
        pd.DataFrame(R[name]),
        {"estimate": "estimate", "se": "se", "df": "df", "low": "low", "high": "high"},
    )


def test_coefficients_are_those_of_statsmodels(fitted):
    fit = fitted["adjusted"].fits["adjusted"]
    for r, response in enumerate(fitted["adjusted"].responses.T):
        np.testing.assert_allclose(fit.coefficients[:, r], sm.OLS(response, fit.design.matrix).fit().params, rtol=1e-8)
