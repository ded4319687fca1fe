"""How strong a common cause of accuracy and score would have to be to explain an adjusted difference away.

Accuracy lies between the arm and the score. A cause of both that was not measured (a data order, a lucky
seed) bends the slope of the score on accuracy, and with it the difference at equal accuracy, by (bias of the
slope) x (difference of the arms in accuracy). The bias of the slope follows from two partial R2 (Cinelli and
Hazlett 2020, Journal of the Royal Statistical Society B 82(1):39-67):

    |bias| = se(slope) sqrt(df) sqrt(R2_score R2_accuracy / (1 - R2_accuracy)),

R2_accuracy: share of the variance of accuracy within arms that the common cause explains; R2_score: share of
the residual variance of the score, given arm and accuracy. The cause is taken to be as frequent in one arm as
in the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xaigt.statistics.contrasts import Estimand, estimate_table
from xaigt.statistics.fits import LeastSquares


def sensitivity_table(
    fit: LeastSquares, wanted: Estimand, measured: np.ndarray, position: int, level: float
) -> pd.DataFrame:
    """How strong a common cause must be to explain each of some adjusted differences away.

    Parameters
    ----------
    fit
        Adjusted fit.
    wanted
        The differences.
    measured
        float64, (N,): the covariate of every network.
    position
        Column of the design that holds the covariate's slope.
    level
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        See :meth:`xaigt.statistics.Comparison.sensitivity`.
    """
    cells = np.delete(fit.design.matrix, position, axis=1)
    slope_of_mean = np.linalg.pinv(cells) @ measured
    gradient = wanted.weights[:, position] - np.einsum(
        "kpr,p->kr", np.delete(wanted.weights, position, axis=1), slope_of_mean
    )
    residual = measured - cells @ slope_of_mean
    rss = np.einsum("kr,rs,ks->k", gradient, fit.residual_covariance, gradient) * fit.residual_df
    reach = np.sqrt(np.maximum(rss, 0.0) / float(residual @ residual))
    table = estimate_table(fit, wanted, level)
    estimate, half = table["estimate"].abs(), (table["high"] - table["low"]) / 2
    return table.drop(columns=["se", "df"]).assign(
        accuracy_gap=-gradient.sum(axis=1),
        r2_zero=robustness(estimate.to_numpy(), reach),
        r2_interval=robustness((estimate - half).to_numpy(), reach),
        reach=reach,
    )


def robustness(difference: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Robustness value: the equal R2 with accuracy and with the score that moves an estimate by `difference`.

    Parameters
    ----------
    difference
        How far the estimate must move, >= 0.
    reach
        Bias for each unit of sqrt(R2_score R2_accuracy / (1 - R2_accuracy)), >= 0.

    Returns
    -------
    numpy.ndarray
        0 (nothing is needed) to 1 (no common cause can do it, as where the arms are equally accurate).
        With f = difference / reach: (sqrt(f^4 + 4 f^2) - f^2) / 2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        f2 = (difference / reach) ** 2
        # The algebraic twin 2 / (sqrt(1 + 4 / f2) + 1) does not lose digits where f is large.
        value = np.where(np.isfinite(f2), 2.0 / (np.sqrt(1.0 + 4.0 / f2) + 1.0), 1.0)
    return np.where(np.asarray(difference) <= 0, 0.0, value)


def bias_grid(reach: float, strengths: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)) -> pd.DataFrame:
    """Largest bias for pairs of strengths: columns r2_accuracy, r2_score, bias."""
    rows = [(a, s, reach * np.sqrt(s * a / (1 - a))) for a in strengths for s in strengths]
    return pd.DataFrame(rows, columns=["r2_accuracy", "r2_score", "bias"])
