"""A covariate that was measured with error: its reliability, and regression calibration (SIMEX: simex.py).

The accuracy of a network is estimated from a finite number of samples. Its error flattens the slope of the
score on accuracy, and an arm that classifies better keeps part of the advantage that the adjustment should
have taken away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xaigt.statistics.design import Design
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.fits import LeastSquares, least_squares, sandwich_free

# Below this share of true variance, the corrected slope is mostly the correction: it is refused.
LOWEST_RELIABILITY = 0.3
OVERSHOOT = 3


@dataclass(frozen=True)
class Reliability:
    """How much of the spread of a covariate, among networks of one cell, is more than error of measurement.

    Attributes
    ----------
    value
        1 - (1 - 3 / df) (mean error variance) / (variance within cells); can be negative by chance. The
        factor keeps the corrected slope from overshooting where df is small (a modification as in Fuller
        1987, section 2.5; of 0, 2, 3 and 4 in the numerator, 3 left the least bias in simulation).
    within_variance
        Variance of the covariate within cells.
    error_variance
        Mean squared standard error.
    df
        Degrees of freedom of `within_variance`.
    """

    value: float
    within_variance: float
    error_variance: float
    df: int


def reliability(cells: np.ndarray, covariate: np.ndarray, standard_error: np.ndarray) -> Reliability:
    """Reliability of a covariate (N,) with standard errors (N,), within the cells of a design (N, p)."""
    residual = covariate - cells @ np.linalg.lstsq(cells, covariate, rcond=None)[0]
    df = len(covariate) - int(np.linalg.matrix_rank(cells))
    if df < 4:
        raise StatisticsError(
            f"the error of the covariate cannot be corrected: its spread within cells rests on {df} degrees "
            f"of freedom, and 4 are the least; train more networks a cell"
        )
    within = float(residual @ residual) / df
    error = float(np.mean(standard_error**2))
    value = 1.0 - (1 - OVERSHOOT / df) * error / within if within > 0 else -np.inf
    return Reliability(value, within, error, df)


@dataclass(frozen=True)
class Calibrated:
    """Least squares on the calibrated covariate, with the uncertainty that the calibration adds.

    Attributes
    ----------
    base
        The fit with E(true | measured, cell) in the place of the covariate.
    trust
        The reliability that was used.
    slope
        float64, (R,): corrected slope of each repeated cell.
    cells
        float64, (N, p0): the design without the covariate.
    measured
        float64, (N,): the covariate as measured.
    position
        Column of the covariate in the design; the others are `cells`, in order.
    """

    base: LeastSquares
    trust: Reliability
    slope: np.ndarray
    cells: np.ndarray
    measured: np.ndarray
    position: int
    name: str = "least squares on network means, covariate corrected for measurement error (regression calibration)"

    @property
    def design(self) -> Design:
        """The design between networks, with the calibrated covariate."""
        return self.base.design

    @property
    def coefficients(self) -> np.ndarray:
        """float64, (p, R)."""
        return self.base.coefficients

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) covariance: of the fit, plus two parts that it does not know.

        The measurement error of the cell means, slope^2 x error variance x (1 - reliability) beyond what the
        residual already holds; and the uncertainty of the reliability, by the delta method, with
        Var(reliability) = 2 (1 - reliability)^2 / df.
        """
        lam, inverse = self.trust.value, np.linalg.pinv(self.cells.T @ self.cells)
        cells = np.delete(weights, self.position, axis=1)
        extra = self.trust.error_variance * (1 - lam) * np.outer(self.slope, self.slope)
        part = sandwich_free(cells, inverse, extra)
        moment = inverse @ (self.cells.T @ self.measured)
        by_slope = weights[:, self.position, :] - np.einsum("kpr,p->kr", cells, moment)
        gradient = by_slope @ self.slope / lam
        spread = 2 * (1 - lam) ** 2 / self.trust.df
        return np.asarray(self.base.covariance(weights) + part + spread * np.outer(gradient, gradient))

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return the residual degrees of freedom, K times."""
        return self.base.degrees_of_freedom(weights)


def regression_calibration(
    build: Callable[[np.ndarray], Design],
    cells: np.ndarray,
    responses: np.ndarray,
    covariate: np.ndarray,
    standard_error: np.ndarray,
) -> Calibrated:
    """Replace the covariate by its expected true value, given its cell, and fit.

    Within a cell E(x | w) = mean + reliability (w - mean): Fuller (1987), Measurement Error Models, section
    1.2; Carroll, Ruppert, Stefanski and Crainiceanu (2006), chapter 4. For a straight line with a common
    slope only.

    Parameters
    ----------
    build
        Covariate (N,) -> design, whose one column for the covariate is the covariate itself.
    cells
        float64, (N, p0): the design without the covariate.
    responses
        float64, (N, R).
    covariate, standard_error
        float64, (N,): as measured.

    Raises
    ------
    StatisticsError
        If the reliability is too low for a correction (below 0.3).
    """
    trust = reliability(cells, covariate, standard_error)
    if trust.value < LOWEST_RELIABILITY:
        raise StatisticsError(
            f"the covariate cannot be corrected for its measurement error: among networks of one cell its "
            f"reliability is {trust.value:.2f} (variance {trust.within_variance:.3g}, of which error "
            f"{trust.error_variance:.3g}); measure accuracy on more samples, or train networks that differ "
            f"more in accuracy"
        )
    fitted = cells @ np.linalg.lstsq(cells, covariate, rcond=None)[0]
    calibrated = fitted + trust.value * (covariate - fitted)
    design = build(calibrated)
    base = least_squares(design, responses)
    position = design.slope_column(calibrated)
    if position is None:
        raise StatisticsError("regression calibration needs one straight line for all arms; use correction='simex'")
    return Calibrated(base, trust, base.coefficients[position], cells, covariate, position)
