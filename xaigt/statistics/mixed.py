"""Variance components of scores: where the spread of explanation quality comes from.

Scores y[n, r, s] of network n, repeated cell r (method) and sample s: fixed means of each cell and method,
plus random effects of pre-training run, network, network:method, sample, sample:method, network:sample, and a
residual. Crossed random effects at full size are dense in statsmodels; means over a common sample set keep
exactly the network side of a balanced design, means over networks its sample side, and the residual is a mean
square. So MixedLM (REML) is fitted to two small tables. For tests see compare: a Wald z of these fits rejects
too often where networks are few.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from xaigt.statistics import design
from xaigt.statistics.findings import Finding, StatisticsError
from xaigt.statistics.table import Scores

# A variance and the name of its estimator.
Pair = tuple[float, str]


@dataclass(frozen=True)
class VarianceComponents:
    """Variance components and what they mean for the evidence.

    Attributes
    ----------
    table
        ``component, variance, sd, share, estimator``: one row a component, share of the sum.
    icc
        ``correlation, between, value``: intraclass correlations, each between two scores that share what is
        named.
    findings
        Where a fit was singular or did not converge, and what was done.
    """

    table: pd.DataFrame
    icc: pd.DataFrame
    findings: tuple[Finding, ...]

    def variance(self, component: str) -> float:
        """Return one variance by name; 0 where the component is not in the table."""
        row = self.table.loc[self.table["component"] == component, "variance"]
        return float(row.iloc[0]) if len(row) else 0.0


def variance_components(scores: Scores) -> VarianceComponents:
    """Estimate the variance components of complete scores.

    Networks that miss a repeated cell, and samples that are not scored everywhere, are left out.

    Raises
    ------
    StatisticsError
        If fewer than two networks more than cells, or fewer than two samples, are complete.
    """
    whole = scores.keep(networks=np.all(scores.present, axis=1))
    whole = whole.keep(samples=np.isfinite(whole.values).all(axis=(0, 1)))
    values = whole.values
    networks, repeated, samples = values.shape
    known = design.factor_levels(whole.networks, whole.between)
    cells = design.build(design.right_side(whole.between, None), whole.networks, known, None)
    if samples < 2 or networks - cells.rank < 1:
        raise StatisticsError(
            f"variance components need replicated cells and two samples: {networks} complete networks in "
            f"{cells.rank} cells, {samples} common samples"
        )
    found: list[Finding] = []
    grand = values - values.mean(axis=(1, 2), keepdims=True)
    both = values.mean(axis=1) - values.mean(axis=(1, 2))[:, None]
    both -= both.mean(axis=0)
    ms_both = repeated * float((both**2).sum()) / ((networks - 1) * (samples - 1))
    variance: dict[str, tuple[float, str]] = {}
    if repeated > 1:
        rest = grand - grand.mean(axis=2, keepdims=True) - grand.mean(axis=1, keepdims=True)
        rest -= rest.mean(axis=0)
        residual = float((rest**2).sum()) / ((networks - 1) * (repeated - 1) * (samples - 1))
        shared = (ms_both - residual) / repeated
    else:
        residual, shared = ms_both, 0.0
    run = _runs(whole, cells, found)
    side = _network_side(whole, cells, run, found)
    variance["pretraining run"] = side.pop("run", (0.0, ""))
    variance["network"] = _less(side["network"], max(shared, 0.0) / samples + (residual / samples) * (repeated == 1))
    if repeated > 1:
        variance["network:method"] = _less(side["rest"], residual / samples)
    _few(networks - cells.rank, found)
    other = _sample_side(whole, found)
    variance["sample"] = _less(other["sample"], max(shared, 0.0) / networks + (residual / networks) * (repeated == 1))
    if repeated > 1:
        variance["sample:method"] = _less(other["rest"], residual / networks)
        variance["network:sample"] = (shared, "mean squares")
    variance["residual"] = (residual, "mean squares")
    if run is None:
        del variance["pretraining run"]
    return _tabulate(variance, found)


def _less(pair: tuple[float, str], part: float) -> tuple[float, str]:
    return pair[0] - part, pair[1]


def _few(df: int, found: list[Finding], enough: int = 10) -> None:
    """Say how little a variance between networks is known from few degrees of freedom."""
    if df < enough:
        low, high = np.sqrt(df / stats.chi2.ppf([0.975, 0.025], df))
        found.append(
            Finding(
                "few_df",
                "warning",
                f"the spread between networks rests on {df} degrees of freedom: a 95 % interval of such a "
                f"standard deviation runs from {low:.2f} to {high:.1f} times its estimate.",
            )
        )


def _tabulate(variance: dict[str, tuple[float, str]], found: list[Finding]) -> VarianceComponents:
    below = [name for name, (value, _) in variance.items() if value <= 0]
    if below:
        found.append(
            Finding(
                "singular",
                "note",
                f"the variance of {', '.join(below)} was estimated at zero or below, and is given as 0.",
            )
        )
    table = pd.DataFrame(
        [(name, max(value, 0.0), estimator) for name, (value, estimator) in variance.items()],
        columns=["component", "variance", "estimator"],
    )
    table.insert(2, "sd", np.sqrt(table["variance"]))
    whole = float(table["variance"].sum())
    table.insert(3, "share", table["variance"] / whole if whole > 0 else np.nan)
    part = dict(zip(table["component"], table["variance"], strict=True))
    network = part.get("pretraining run", 0.0) + part["network"]
    rows = [
        ("network", "two samples, two methods, one network", network),
        (
            "network and method",
            "two samples, one method, one network",
            network + part.get("network:method", 0.0),
        ),
        ("sample", "one sample, two methods, two networks", part["sample"]),
        (
            "sample and method",
            "one sample, one method, two networks",
            part["sample"] + part.get("sample:method", 0.0),
        ),
    ]
    icc = pd.DataFrame(rows, columns=["correlation", "between", "value"])
    icc["value"] = icc["value"] / whole if whole > 0 else np.nan
    return VarianceComponents(table, icc, tuple(found))


def _runs(scores: Scores, cells: design.Design, found: list[Finding]) -> np.ndarray | None:
    """Return the pre-training run of each network, if its variance can be told from cells and networks."""
    if "pretrain_id" not in scores.networks or scores.networks["pretrain_id"].isna().any():
        return None
    run = pd.factorize(scores.networks["pretrain_id"])[0]
    indicator = np.eye(run.max() + 1)[run]
    with_runs = int(np.linalg.matrix_rank(np.hstack([cells.matrix, indicator])))
    if with_runs == cells.rank:
        found.append(
            Finding(
                "one_pretraining_run",
                "warning",
                "pre-training runs cannot be told from the cells: n = 1 run a cell.",
            )
        )
        return None
    return run if with_runs < len(run) else None


def _fit(
    response: np.ndarray, fixed: np.ndarray, groups: np.ndarray, inner: np.ndarray | None
) -> tuple[dict[str, float], list[str]]:
    """REML of a random intercept (and a nested one); returns variances and what went wrong."""
    scale = float(response.std()) or 1.0
    basis = np.linalg.svd(fixed, full_matrices=False)
    fixed = basis[0][:, basis[1] > 1e-10 * basis[1][0]]
    order = np.argsort(groups, kind="stable")
    options: dict[str, Any] = {}
    if inner is not None:
        codes = [pd.factorize(inner[groups == g])[0] for g in np.unique(groups)]
        names = [[str(i) for i in range(code.max() + 1)] for code in codes]
        matrices = [np.eye(code.max() + 1)[code] for code in codes]
        options["exog_vc"] = sm.regression.mixed_linear_model.VCSpec(["inner"], [names], [matrices])
    intercept = np.ones((len(order), 1))
    model = sm.MixedLM(response[order] / scale, fixed[order], groups[order], exog_re=intercept, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = model.fit(reml=True, method=["bfgs", "lbfgs", "powell"])
    trouble = [] if fitted.converged else ["did not converge"]
    if any("singular" in str(item.message) or "boundary" in str(item.message) for item in caught):
        trouble.append("was singular")
    square = scale**2
    result = {"group": float(np.asarray(fitted.cov_re)[0, 0]), "rest": float(fitted.scale)}
    if inner is not None:
        result["inner"] = float(fitted.vcomp[0])
    return {name: value * square for name, value in result.items()}, trouble


def _network_side(
    scores: Scores, cells: design.Design, run: np.ndarray | None, found: list[Finding]
) -> dict[str, Pair]:
    """Variance of network means: between runs, between networks, and between methods within networks."""
    means = scores.values.mean(axis=2)
    networks, repeated = means.shape
    centred = means - cells.matrix @ np.linalg.pinv(cells.matrix) @ means
    left = networks - cells.rank
    average = centred.mean(axis=1)
    ms_network = repeated * float(average @ average) / left
    ms_rest = float(((centred - average[:, None]) ** 2).sum()) / (left * (repeated - 1)) if repeated > 1 else 0.0
    moments = {
        "network": ((ms_network - ms_rest) / repeated, "mean squares"),
        "rest": (ms_rest, "mean squares"),
    }
    if repeated == 1 and run is None:
        return moments
    fixed = np.kron(cells.matrix, np.eye(repeated))
    network = np.repeat(np.arange(networks), repeated)
    if run is None:
        fitted, trouble = _fit(means.ravel(), fixed, network, None)
        result = {"network": (fitted["group"], "REML"), "rest": (fitted["rest"], "REML")}
    elif repeated == 1:
        fitted, trouble = _fit(means.ravel(), fixed, run, None)
        result = {
            "run": (fitted["group"], "REML"),
            "network": (fitted["rest"], "REML"),
            "rest": (0.0, "REML"),
        }
    else:
        fitted, trouble = _fit(means.ravel(), fixed, np.repeat(run, repeated), network)
        result = {
            name: (fitted[key], "REML") for name, key in (("run", "group"), ("network", "inner"), ("rest", "rest"))
        }
    return _or_moments(result, moments, trouble, "network means", found)


def _sample_side(scores: Scores, found: list[Finding]) -> dict[str, Pair]:
    """Variance of sample means: between samples, and between methods within samples."""
    means = scores.values.mean(axis=0).T
    samples, repeated = means.shape
    centred = means - means.mean(axis=0)
    average = centred.mean(axis=1)
    ms_sample = repeated * float(average @ average) / (samples - 1)
    ms_rest = (
        float(((centred - average[:, None]) ** 2).sum()) / ((samples - 1) * (repeated - 1)) if repeated > 1 else 0.0
    )
    moments = {
        "sample": ((ms_sample - ms_rest) / repeated, "mean squares"),
        "rest": (ms_rest, "mean squares"),
    }
    if repeated == 1:
        return moments
    fixed = np.kron(np.ones((samples, 1)), np.eye(repeated))
    fitted, trouble = _fit(means.ravel(), fixed, np.repeat(np.arange(samples), repeated), None)
    result = {"sample": (fitted["group"], "REML"), "rest": (fitted["rest"], "REML")}
    return _or_moments(result, moments, trouble, "sample means", found)


def _or_moments(
    result: dict[str, Pair], moments: dict[str, Pair], trouble: list[str], what: str, found: list[Finding]
) -> dict[str, Pair]:
    """Take mean squares instead where the mixed model failed; say so."""
    if not trouble:
        return result
    done = "did not converge" in trouble
    found.append(
        Finding(
            "mixed_model",
            "warning",
            f"the mixed model of {what} {' and '.join(trouble)}; "
            + ("mean squares are given instead." if done else "its estimates are given, a variance of zero as 0."),
        )
    )
    return {**result, **moments} if done else result
