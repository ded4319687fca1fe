"""Fitted models of network means, and what each can be asked: estimates, covariance, degrees of freedom.

A model has a coefficient for each column of the design between networks (p) and each repeated cell (R). An
estimand is a weight matrix L of the same shape; the estimate is sum(L * B).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import statsmodels.api as sm

from xaigt.statistics.design import Design
from xaigt.statistics.findings import StatisticsError


class Fit(Protocol):
    """What every fit can be asked about K estimands with weights (K, p, R)."""

    @property
    def name(self) -> str:
        """Which test this is, in words."""

    @property
    def design(self) -> Design:
        """The design between networks."""

    @property
    def coefficients(self) -> np.ndarray:
        """float64, (p, R)."""

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) covariance of the estimates."""

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K,) degrees of freedom of t."""


def estimates(fit: Fit, weights: np.ndarray) -> np.ndarray:
    """Return the (K,) estimates sum(L * B); NaN where the design does not determine one."""
    value = np.einsum("kpr,pr->k", weights, fit.coefficients)
    return np.where(estimable(fit.design.matrix, weights), value, np.nan)


def estimable(matrix: np.ndarray, weights: np.ndarray, tolerance: float = 1e-8) -> np.ndarray:
    """Return which of K estimands lie in the row space of the design, so that the data determine them.

    Searle (1971), Linear Models, section 5.4: l'b is estimable if and only if l'(X'X)^-(X'X) = l'.
    """
    scale = np.linalg.norm(matrix, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    scaled = matrix / scale
    projector = np.linalg.pinv(scaled, rcond=1e-10) @ scaled
    rows = np.moveaxis(weights, 1, 2) / scale
    off = np.abs(rows - rows @ projector).max(axis=(1, 2))
    return np.asarray(off <= tolerance * np.maximum(np.abs(rows).max(axis=(1, 2)), 1e-300))


@dataclass(frozen=True)
class LeastSquares:
    """Least squares on network means, every repeated cell a response of its own, with t and residual df.

    The repeated cells of a network may correlate in any way (the multivariate linear model); a contrast of
    the form (between) x (within) has an exact t test under normal errors, whatever that correlation is: it is
    the t test of one least-squares regression of the within-network combination of scores.

    Attributes
    ----------
    residual_covariance
        float64, (R, R): residual covariance of the repeated cells, divided by the residual degrees of
        freedom.
    unscaled
        float64, (p, p): the (pseudo-)inverse of X'X.
    residual_df
        N minus the rank of the design.
    """

    design: Design
    coefficients: np.ndarray
    residual_covariance: np.ndarray
    unscaled: np.ndarray
    residual_df: int
    name: str = "least squares on network means, t with residual degrees of freedom"

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) covariance of the estimates."""
        return sandwich_free(weights, self.unscaled, self.residual_covariance)

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return the residual degrees of freedom, K times."""
        return np.full(len(weights), float(self.residual_df))


def sandwich_free(weights: np.ndarray, unscaled: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return sum_rs S[r, s] L_k[:, r]' G L_l[:, s] for all pairs of estimands k, l."""
    left = np.einsum("kpr,pq->kqr", weights, unscaled)
    right = np.einsum("lqs,rs->lqr", weights, residual)
    return np.asarray(np.einsum("kqr,lqr->kl", left, right))


def least_squares(design: Design, responses: np.ndarray) -> LeastSquares:
    """Fit every column of `responses` (N, R) on the design with statsmodels.

    Raises
    ------
    StatisticsError
        If no residual degree of freedom is left.
    """
    rank = design.rank
    left = len(responses) - rank
    if left < 1:
        raise StatisticsError(
            f"{len(responses)} networks and a model of {rank} coefficients leave {left} residual degrees of "
            f"freedom; train more networks a cell, or compare fewer factors"
        )
    columns = [long_fit(design.matrix, response) for response in responses.T]
    residuals = np.column_stack([residual for _, _, residual, _ in columns])
    coefficients = np.column_stack([params for params, _, _, _ in columns])
    return LeastSquares(design, coefficients, residuals.T @ residuals / left, columns[0][1], left)


def long_rows(design: Design, present: np.ndarray) -> np.ndarray:
    """Return the (n, p R) design of the means that are there (`present`, (N, R)), one row a mean."""
    network, cell = np.nonzero(present)
    rows = np.zeros((len(network), design.matrix.shape[1], present.shape[1]))
    rows[np.arange(len(network)), :, cell] = design.matrix[network]
    return rows.reshape(len(network), -1)


def long_fit(rows: np.ndarray, response: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return coefficients, the (pseudo-)inverse of X'X, residuals and residual df of a fit."""
    length = np.linalg.norm(rows, axis=0)
    length = np.where(length > 0, length, 1.0)
    with warnings.catch_warnings():
        # A design without full rank is told as a finding, and what it does not determine is left empty.
        warnings.simplefilter("ignore")
        fitted = sm.OLS(response, rows / length).fit()
        bread = np.asarray(fitted.normalized_cov_params) / np.outer(length, length)
    return np.asarray(fitted.params) / length, bread, np.asarray(fitted.resid), int(fitted.df_resid)


@dataclass(frozen=True)
class PerSample:
    """The naive test: every image of every network as independent evidence. Kept for what it would have said.

    Attributes
    ----------
    spread
        float64, (p R, p R): covariance of the coefficients if all scores were independent.
    rows_df
        Number of scores minus number of coefficients.
    """

    design: Design
    coefficients: np.ndarray
    spread: np.ndarray
    rows_df: int
    name: str = "least squares on single samples, as if they were independent (naive)"

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) covariance of the estimates if all scores were independent."""
        flat = weights.reshape(len(weights), -1)
        return np.asarray(flat @ self.spread @ flat.T)

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return the number of scores minus that of coefficients, K times."""
        return np.full(len(weights), float(self.rows_df))


def per_sample(design: Design, values: np.ndarray) -> PerSample:
    """Return the naive fit of scores (N, R, S), from their means and counts (the same least squares)."""
    finite = np.isfinite(values)
    count = finite.sum(axis=2)
    present = count > 0
    means = np.where(finite, values, 0.0).sum(axis=2) / np.maximum(count, 1)
    inside = float((np.where(finite, values - means[:, :, None], 0.0) ** 2).sum())
    weight = np.sqrt(count[present])
    rows = long_rows(design, present)
    params, bread, residual, _ = long_fit(rows * weight[:, None], means[present] * weight)
    left = int(count.sum()) - int(np.linalg.matrix_rank(rows))
    variance = (inside + float(residual @ residual)) / left
    return PerSample(design, params.reshape(-1, values.shape[1]), variance * bread, left)
