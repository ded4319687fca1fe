"""Simulation-extrapolation: add error of measurement, watch the coefficients move, and go back to none.

Cook and Stefanski (1994), JASA 89:1314-1328; variance by Stefanski and Cook (1995), JASA 90:1247-1256.
Quadratic extrapolation, which takes away most but not all of the bias. Unlike regression calibration it
serves splines and separate slopes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from xaigt.statistics.design import Design
from xaigt.statistics.fits import LeastSquares
from xaigt.statistics.multiplicity import correlation

_FACTORS = np.array([0.0, 0.5, 1.0, 1.5, 2.0])


@dataclass(frozen=True)
class Simex:
    """Coefficients extrapolated to a covariate without error.

    Attributes
    ----------
    base
        The uncorrected fit.
    coefficients
        float64, (p, R): extrapolated.
    spread
        float64, (p R, p R): extrapolated covariance of the coefficients.
    """

    base: LeastSquares
    coefficients: np.ndarray
    spread: np.ndarray
    name: str = "least squares on network means, covariate corrected for measurement error (SIMEX)"

    @property
    def design(self) -> Design:
        """The design between networks, with the covariate as measured."""
        return self.base.design

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) covariance; a variance never falls below that of the uncorrected fit."""
        flat = weights.reshape(len(weights), -1)
        raw = self.base.covariance(weights)
        variance = np.maximum(np.einsum("ki,ij,kj->k", flat, self.spread, flat), np.diag(raw))
        related = np.nan_to_num(correlation(raw), nan=0.0)
        return np.asarray(related * np.sqrt(np.outer(variance, variance)))

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return the residual degrees of freedom, K times."""
        return self.base.degrees_of_freedom(weights)


def simex(
    base: LeastSquares,
    networks: pd.DataFrame,
    responses: np.ndarray,
    standard_error: np.ndarray,
    replicates: int = 200,
    seed: int = 0,
) -> Simex:
    """Correct a fit for the measurement error of its covariate.

    Parameters
    ----------
    base
        The uncorrected fit; the knots of its spline stay where they are.
    networks
        N rows with the factors and the covariate of the design.
    responses
        float64, (N, R).
    standard_error
        float64, (N,): of the covariate.
    replicates
        Simulated covariates at each of the steps 0.5, 1, 1.5 and 2.
    seed
        Seed of the added error.
    """
    name = base.design.covariate
    measured = networks[name].to_numpy(dtype=np.float64)
    noise = np.random.default_rng(seed).standard_normal((replicates, len(measured)))
    width, repeated = base.coefficients.shape
    centre, spread = [], []
    for factor in _FACTORS:
        rows = noise if factor > 0 else noise[:1]
        noisy = measured + np.sqrt(factor) * standard_error * rows
        repeated_rows = networks.iloc[np.tile(np.arange(len(measured)), len(rows))]
        long = repeated_rows.assign(**{str(name): noisy.ravel()})
        designs = base.design.rows(long).reshape(len(rows), len(measured), width)
        inverse = np.linalg.pinv(designs)
        params = inverse @ responses
        residual = responses - designs @ params
        sigma = np.einsum("bnr,bns->brs", residual, residual) / base.residual_df
        unscaled = inverse @ np.swapaxes(inverse, 1, 2)
        model = np.einsum("bpq,brs->prqs", unscaled, sigma).reshape(width * repeated, -1) / len(rows)
        flat = params.reshape(len(rows), -1)
        centre.append(flat.mean(axis=0))
        spread.append(model - (np.cov(flat, rowvar=False) if factor > 0 else 0.0))
    back = np.array([1.0, -1.0, 1.0]) @ np.linalg.pinv(np.vander(_FACTORS, 3))
    coefficients = (back @ np.array(centre)).reshape(width, repeated)
    return Simex(base, coefficients, np.tensordot(back, np.array(spread), axes=1))
