"""Looks at the data before and after a fit: says what a reader must know, refuses what has no estimate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from xaigt.statistics.cluster_robust import ClusterRobust
from xaigt.statistics.design import Design
from xaigt.statistics.findings import Finding, StatisticsError, listed
from xaigt.statistics.fits import Fit, LeastSquares
from xaigt.statistics.table import Scores

# Below this many residual (or Satterthwaite) degrees of freedom, intervals are wide and hang on normal errors.
FEW_DF = 4
_UNITS_OF_ACCURACY = ("auc", "accuracy", "auroc")


def responses(scores: Scores, scale: str) -> tuple[np.ndarray, list[Finding]]:
    """Return network means (N, R) on the scale of the analysis, and what was noticed about them."""
    means = scores.means
    finite = means[np.isfinite(means)]
    if np.ptp(finite) == 0 and np.ptp(scores.values[np.isfinite(scores.values)]) == 0:
        raise StatisticsError(f"every {scores.score} is {finite[0]:g}: constant scores cannot be compared")
    found = []
    names = ["/".join(map(str, row)) or scores.score for row in scores.repeated.itertuples(index=False)]
    constant = [name for name, column in zip(names, means.T, strict=True) if np.nanmax(column) == np.nanmin(column)]
    if constant:
        found.append(
            Finding(
                "constant",
                "warning",
                f"all networks have the same mean {scores.score} for {listed(constant)}: no test of it by "
                f"itself is possible, and its intervals are left empty.",
            )
        )
    if scale == "identity":
        return means, found
    if scale != "logit":
        raise StatisticsError(f"scale must be 'identity' or 'logit', got {scale!r}")
    if finite.min() < 0 or finite.max() > 1:
        raise StatisticsError(
            f"the logit scale needs scores between 0 and 1; the network means run from {finite.min():.4g} to "
            f"{finite.max():.4g}"
        )
    if finite.min() == 0 or finite.max() == 1:
        count = means.shape[0]
        means = (means * (count - 1) + 0.5) / count
        found.append(
            Finding(
                "logit_squeezed",
                "note",
                f"some network means are exactly 0 or 1; all were moved towards 0.5, (y (n - 1) + 0.5) / n "
                f"with n = {count} networks (Smithson and Verkuilen 2006), before the logit.",
            )
        )
    return np.log(means) - np.log1p(-means), found


def design_findings(
    scores: Scores, known: Mapping[str, Sequence[Any]], cluster: str | None, test: str
) -> list[Finding]:
    """Say how many networks the cells have, which cells are empty, and what the pre-training runs allow."""
    found = []
    if known:
        size = scores.networks.groupby(list(known), observed=True).size()
        counts = {key if isinstance(key, tuple) else (key,): int(n) for key, n in size.items()}
        empty = ["/".join(map(str, key)) for key in product(*known.values()) if key not in counts]
        if empty:
            found.append(
                Finding(
                    "empty_cells",
                    "warning",
                    f"{len(empty)} cells have no network ({listed(empty)}); means and contrasts that need "
                    f"them are left empty.",
                )
            )
        few = min(counts.values())
        if few < 5:
            found.append(
                Finding(
                    "few_networks",
                    "warning" if few < 3 else "note",
                    f"the smallest cell has {few} network{'s' * (few > 1)}. Least squares with t keeps its "
                    f"error rate there; Wald z of a mixed model and the bootstrap do not.",
                )
            )
    if test == "cr2":
        why = f"clusters are {cluster}" if cluster else "not every network has every repeated cell"
        if cluster or not scores.present.all():
            found.append(Finding("cluster_robust", "note", f"Cluster-robust errors (CR2) were used: {why}."))
    if "pretrain_id" in scores.networks and cluster is None:
        found += _pretraining(scores.networks, known)
    return found


def _pretraining(networks: pd.DataFrame, known: Mapping[str, Sequence[Any]]) -> list[Finding]:
    shared = networks["pretrain_id"].dropna()
    if shared.empty or not shared.duplicated().any():
        return []
    for factor in known:
        runs = networks.dropna(subset=["pretrain_id"]).groupby(factor, observed=True)["pretrain_id"].nunique()
        nested = networks.dropna(subset=["pretrain_id"]).groupby("pretrain_id")[factor].nunique().max() == 1
        single = [str(name) for name, count in runs.items() if count == 1]
        if nested and single:
            return [
                Finding(
                    "one_pretraining_run",
                    "warning",
                    f"all networks of {factor} {listed(single)} share one pre-training run: n = 1 for the "
                    f"run. Differences speak about these checkpoints, not about this way of pre-training.",
                )
            ]
    return [
        Finding(
            "shared_pretraining",
            "warning",
            "several networks share a pre-training run and are not independent; pass cluster='pretrain_id'.",
        )
    ]


def covariate_values(networks: pd.DataFrame, covariate: str) -> np.ndarray:
    """Return the covariate as float64 (N,); refuse text, infinities and a constant."""
    values = pd.to_numeric(networks[covariate], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        bad = listed(networks.index[~np.isfinite(values)])
        raise StatisticsError(f"the covariate {covariate!r} is not a finite number for {bad}")
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        raise StatisticsError(
            f"the covariate {covariate!r} is {values[0]:g} for every network: there is nothing to adjust "
            f"for; pass covariate=None for the total effect"
        )
    return np.asarray(values)


def unused_error(covariate: str, *columns: Iterable[object]) -> list[Finding]:
    """Say so where the standard error of the covariate is at hand and was not named."""
    name = f"{covariate}_se"
    if not any(name in list(known) for known in columns):
        return []
    sentence = f"{covariate} is taken as exact, though its error is at hand: covariate_se={name!r} corrects for it."
    return [Finding("measurement_error", "note", sentence)]


def covariate_findings(values: np.ndarray, covariate: str, total: Design, adjusted: Design) -> list[Finding]:
    """Say where the covariate is saturated, or does not vary within cells."""
    found = []
    name = covariate.lower()
    if any(unit in name for unit in _UNITS_OF_ACCURACY) and "logit" not in name and (values > 0.98).mean() > 0.25:
        found.append(
            Finding(
                "saturated",
                "warning",
                f"{(values > 0.98).mean():.0%} of the networks have {covariate} above 0.98: it saturates, "
                f"and equal {covariate} does not mean equal ability; use d' or a logit.",
            )
        )
    if adjusted.rank <= total.rank:
        found.append(
            Finding(
                "singular",
                "warning",
                f"{covariate} hardly varies within cells, so its slope cannot be told from the cells' own "
                f"means: adjusted differences are left empty.",
            )
        )
    return found


def fit_findings(fits: Mapping[str, Fit], total: Design, means: np.ndarray, factors: Sequence[str]) -> list[Finding]:
    """Say where a fit is singular, or rests on very few degrees of freedom."""
    found = []
    for name, fit in fits.items():
        matrix = fit.design
        if name in ("total", "adjusted") and matrix.rank < matrix.matrix.shape[1]:
            found.append(
                Finding(
                    "singular",
                    "warning",
                    f"the {name} model has {matrix.matrix.shape[1]} coefficients and rank {matrix.rank}; "
                    f"only what the data determine is given, the rest is left empty.",
                )
            )
        if isinstance(fit, LeastSquares) and name != "corrected" and fit.residual_df < FEW_DF:
            found.append(
                Finding(
                    "few_df",
                    "warning",
                    f"the {name} model has {fit.residual_df} residual degrees of freedom for {len(means)} "
                    f"networks: its intervals are wide and hang on normal errors.",
                )
            )
        if isinstance(fit, ClusterRobust):
            rows = fit.design.grid(None if fit.design.covariate is None else 0.0)[1]
            weights = (rows - rows.mean(axis=0))[:, :, None] * np.full(means.shape[1], 1 / means.shape[1])
            weights = weights[np.abs(weights).max(axis=(1, 2)) > 0]
            df = fit.degrees_of_freedom(weights) if len(weights) else np.array([np.inf])
            if factors and np.nanmin(df) < FEW_DF:
                found.append(
                    Finding(
                        "few_df",
                        "warning",
                        f"the {name} model has as few as {np.nanmin(df):.1f} Satterthwaite degrees of "
                        f"freedom: its tests are not to be trusted below {FEW_DF} (Pustejovsky and Tipton "
                        f"2018).",
                    )
                )
    return found
