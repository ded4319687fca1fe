"""Compare scores of trained networks: total effect, effect at equal accuracy, and the naive test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from xaigt.statistics import checks, design
from xaigt.statistics.cluster_robust import cluster_robust
from xaigt.statistics.comparison import Comparison
from xaigt.statistics.crossed import Crossed, crossed
from xaigt.statistics.findings import Finding, StatisticsError, listed
from xaigt.statistics.fits import Fit, LeastSquares, least_squares, per_sample
from xaigt.statistics.measurement_error import regression_calibration
from xaigt.statistics.overlap import overlap_findings, overlap_table
from xaigt.statistics.simex import simex
from xaigt.statistics.table import Scores, read_scores, require


def compare(
    table: pd.DataFrame,
    *,
    score: str = "value",
    factors: Sequence[str] = ("arm", "depth", "method"),
    covariate: str | None = "dprime",
    unit: str = "network_id",
    sample: str | Sequence[str] = "sample",
    cells: pd.DataFrame | None = None,
    formula: str | None = None,
    repeated: Sequence[str] = ("method",),
    covariate_se: str | None = None,
    correction: Literal["auto", "calibration", "simex", "none"] = "auto",
    spline_df: int | None = None,
    slopes: str = "common",
    scale: Literal["identity", "logit"] = "identity",
    test: Literal["auto", "ols", "cr2"] = "auto",
    cluster: str | None = None,
    at: float | None = None,
    generalize: Literal["networks", "samples"] = "networks",
    samples: Literal["common", "own"] = "common",
    level: float = 0.95,
) -> Comparison:
    """Compare arms, depths and methods with the trained network as the unit of evidence.

    Parameters
    ----------
    table
        One row a score: a network, the factors, a sample, and the score (the score table).
    score, unit, sample
        Columns of the score, of the network, and the column or columns that identify a sample.
    factors
        What to compare. Those constant in each network are crossed in full; the others are repeated in a
        network.
    covariate
        Accuracy of each network, from samples that are not scored: ``dprime``, ``auc`` ... None: total effect
        only.
    cells
        A table with one row a network that holds the covariate, where the score table does not.
    formula
        Instead of `factors`: ``"value ~ arm * depth + dprime"`` for the design between networks (patsy's
        language).
    repeated
        With a formula: the factors that are repeated within a network; they are crossed with every term.
    covariate_se
        Column with the standard error of the covariate: adds the ``"corrected"`` analysis beside the raw one.
    correction
        ``"calibration"`` (regression calibration), ``"simex"``, ``"none"``; ``"auto"``: calibration for one
        straight line, else SIMEX.
    spline_df
        Degrees of freedom of a natural cubic spline of the covariate; None: a straight line.
    slopes
        ``"common"``, or a factor between networks whose levels have slopes of their own.
    scale
        ``"logit"``: analyse the logit of the network means of a score between 0 and 1.
    test
        ``"ols"``: least squares, t, residual degrees of freedom. ``"cr2"``: cluster-robust. ``"auto"``: least
        squares unless networks miss repeated cells or share clusters.
    cluster
        Column of a coarser cluster than the network, such as ``pretrain_id``.
    at
        Common value of the covariate; its mean over networks where None.
    generalize
        ``"networks"``: to new networks, on these samples. ``"samples"``: to new samples too; it matters for
        differences of methods.
    samples
        ``"common"``: only samples that every network was scored on; ``"own"``: all samples of each network.
    level
        Coverage of the intervals.

    Returns
    -------
    Comparison
        Means, contrasts, all analyses side by side, findings and sentences.

    Raises
    ------
    StatisticsError
        If the table does not have the columns, or what was asked for cannot be estimated from it.
    """
    if not 0.5 < level < 1:
        raise StatisticsError(f"level must lie between 0.5 and 1, got {level}")
    right = None
    if formula is not None:
        score, right, named = design.parse(formula, _with(table, cells, unit), covariate)
        factors = [*(name for name in named if name not in repeated and name != score), *repeated]
    carried = [name for name in (covariate, covariate_se, cluster) if name is not None]
    here = [name for name in carried if name in table.columns]
    also = [name for name in ("pretrain_id",) if name in table.columns and name not in here]
    scores = read_scores(
        table, score=score, factors=factors, unit=unit, sample=sample, keep=[*here, *also], samples=samples
    )
    scores = _join(scores, cells, [name for name in carried if name not in here])
    if right is not None:
        stray = [name for name in scores.within if name not in repeated]
        if stray:
            raise StatisticsError(f"{stray[0]!r} varies within a network: name it in repeated=, not in the formula")
    if covariate is not None:
        scores = _drop(
            scores, scores.networks[covariate].notna().to_numpy(), f"without {covariate}", "missing_covariate"
        )
    if cluster is not None and scores.networks[cluster].isna().any():
        lost = listed(scores.networks.index[scores.networks[cluster].isna()])
        raise StatisticsError(f"the cluster {cluster!r} is missing for {lost}")
    balanced = bool(scores.present.all())
    if test == "auto":
        test = "ols" if balanced and cluster is None else "cr2"
    if test == "ols":
        scores = _drop(scores, np.all(scores.present, axis=1), "that miss repeated cells", "incomplete")
    if generalize == "samples" and (test != "ols" or scale != "identity" or samples != "common"):
        raise StatisticsError("generalize='samples' needs test='ols', the identity scale and common samples")
    responses, scale_findings = checks.responses(scores, scale)
    known = design.factor_levels(scores.networks, scores.between)
    found = [*scores.findings, *scale_findings, *checks.design_findings(scores, known, cluster, test)]

    def fitted(matrix: design.Design) -> Fit:
        if test == "ols":
            base = least_squares(matrix, responses)
            return crossed(base, scores.values) if generalize == "samples" else base
        groups = scores.networks[cluster].to_numpy() if cluster else scores.networks.index.to_numpy()
        return cluster_robust(matrix, responses, scores.present, pd.factorize(groups)[0])

    total_side = design.right_side(scores.between, None) if right is None else right
    if right is not None and covariate is not None:
        total_side = design.without(right, covariate)
    total = design.build(total_side, scores.networks, known, None)
    fits: dict[str, Fit] = {"total": fitted(total)}
    overlap = pd.DataFrame(columns=["factor", "a", "b", "low", "high", "share", "gap"])
    value: float | None = None
    if covariate is not None:
        values = checks.covariate_values(scores.networks, covariate)
        value = float(values.mean()) if at is None else float(at)
        knots = design.spline_knots(values, spline_df)
        side = design.right_side(scores.between, covariate, knots, slopes) if right is None else right
        adjusted = design.build(side, scores.networks.assign(**{covariate: values}), known, covariate)
        overlap = overlap_table(scores.networks, covariate, known)
        found += overlap_findings(overlap, scores.networks, covariate, list(known), value)
        if covariate_se is None:
            found += checks.unused_error(covariate, table.columns, () if cells is None else cells.columns)
        found += checks.covariate_findings(values, covariate, total, adjusted)
        try:
            fits["adjusted"] = fitted(adjusted)
            if covariate_se is not None and correction != "none":
                fits["corrected"] = _corrected(
                    scores, responses, fits["adjusted"], total, side, covariate_se, correction
                )
        except StatisticsError as error:
            name = "corrected" if "adjusted" in fits else "adjusted"
            found.append(Finding(f"no_{name}", "refused", f"There is no {name} analysis: {error}."))
    naive = scores.values if scale == "identity" else None
    if naive is not None:
        fits["naive"] = per_sample(total, naive)
    found += checks.fit_findings(fits, total, responses, list(known))
    return Comparison(scores, responses, fits, covariate, value, level, scale, overlap, tuple(found))


def _corrected(
    scores: Scores,
    responses: np.ndarray,
    raw: Fit,
    total: design.Design,
    side: str,
    se_column: str,
    correction: str,
) -> Fit:
    """Correct the adjusted fit for the error of its covariate."""
    if isinstance(raw, Crossed):
        raise StatisticsError("a correction for measurement error speaks about these samples: generalize='networks'")
    if not isinstance(raw, LeastSquares):
        raise StatisticsError("a correction for measurement error is there for least squares only (test='ols')")
    name = str(raw.design.covariate)
    measured = scores.networks[name].to_numpy(dtype=np.float64)
    error = pd.to_numeric(scores.networks[se_column], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(error).all() or (error < 0).any():
        raise StatisticsError(f"column {se_column!r} must hold a standard error >= 0 for every network")
    if correction == "auto":
        correction = "calibration" if raw.design.slope_column(measured) is not None else "simex"
    if correction == "simex":
        return simex(raw, scores.networks, responses, error)

    def build(values: np.ndarray) -> design.Design:
        return design.build(side, scores.networks.assign(**{name: values}), raw.design.factors, name)

    return regression_calibration(build, total.matrix, responses, measured, error)


def _with(table: pd.DataFrame, cells: pd.DataFrame | None, unit: str) -> pd.DataFrame:
    """Return a frame with the columns of both tables (for looking up names only)."""
    if cells is None:
        return table.head(0)
    extra = [name for name in cells.columns if name not in table.columns and name != unit]
    return pd.concat([table.head(0), cells[extra].head(0)], axis=1)


def _join(scores: Scores, cells: pd.DataFrame | None, wanted: Sequence[str]) -> Scores:
    """Take the columns that the score table does not have from the table of cells."""
    if not wanted:
        return scores
    if cells is None:
        raise StatisticsError(
            f"the score table has no column {wanted[0]!r}; add it, pass cells= (a row a {scores.unit}), or "
            f"pass covariate=None for the total effect alone"
        )
    require(cells, [scores.unit, *wanted], "the table of cells")
    if cells[scores.unit].duplicated().any():
        twice = cells.loc[cells[scores.unit].duplicated(), scores.unit].iloc[0]
        raise StatisticsError(f"the table of cells has two rows for {scores.unit} {twice!r}")
    joined = scores.networks.join(cells.set_index(scores.unit)[list(wanted)])
    return replace(scores, networks=joined)


def _drop(scores: Scores, keep: np.ndarray, why: str, code: str) -> Scores:
    """Leave networks out, and say so; refuse where none is left."""
    if keep.all():
        return scores
    names = listed(scores.networks.index[~keep])
    if not keep.any():
        raise StatisticsError(f"every network is one {why} ({names}): nothing is left to compare")
    finding = Finding(code, "warning", f"{int((~keep).sum())} networks {why} were left out of all analyses: {names}.")
    return replace(scores.keep(networks=keep), findings=(*scores.findings, finding))
