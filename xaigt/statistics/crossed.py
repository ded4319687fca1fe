"""Tests that speak about new samples as well as new networks: two crossed random factors.

Least squares on network means speaks about the samples that were scored. Whether one method beats another
hangs on them too (sample:method variance), and averaging hides it. Here the variance of an estimate over new
samples is added: the quasi-F of Clark (1973), Journal of Verbal Learning and Verbal Behavior 12:335-359, with
Satterthwaite's degrees of freedom. For differences of arms it changes little, as effects of samples drop out
of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaigt.statistics.design import Design
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.fits import LeastSquares, sandwich_free


@dataclass(frozen=True)
class Crossed:
    """A least-squares fit of network means, with the spread over samples added.

    Attributes
    ----------
    base
        The fit of the network means.
    by_sample
        float64, (S, p, R): coefficients of the same least squares, fitted to each sample.
    interaction
        float64, (R, R): residual covariance of networks x samples.
    """

    base: LeastSquares
    by_sample: np.ndarray
    interaction: np.ndarray
    name: str = "least squares on network means, t with variance over networks and samples (quasi-F)"

    @property
    def design(self) -> Design:
        """The design between networks."""
        return self.base.design

    @property
    def coefficients(self) -> np.ndarray:
        """float64, (p, R)."""
        return self.base.coefficients

    def _parts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the (K, K) covariance over networks, over samples, and the part that is in both."""
        samples = len(self.by_sample)
        single = np.einsum("kpr,spr->sk", weights, self.by_sample)
        single = single - single.mean(axis=0)
        over_samples = single.T @ single / ((samples - 1) * samples)
        both = sandwich_free(weights, self.base.unscaled, self.interaction) / samples
        return self.base.covariance(weights), over_samples, both

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) covariance of the estimates; never below that over networks alone."""
        networks, samples, both = self._parts(weights)
        total = networks + samples - both
        floor = np.sqrt(np.maximum(np.diag(networks) / np.maximum(np.diag(total), 1e-300), 1.0))
        return np.asarray(total * np.outer(floor, floor))

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return Satterthwaite's degrees of freedom of the sum of the three parts, K times."""
        networks, samples, both = (np.diag(part) for part in self._parts(weights))
        df, count = self.base.residual_df, len(self.by_sample) - 1
        total = np.maximum(networks + samples - both, networks)
        below = networks**2 / df + samples**2 / count + both**2 / (df * count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(below > 0, total**2 / below, np.nan))


def crossed(base: LeastSquares, values: np.ndarray) -> Crossed:
    """Add the spread over samples to a fit of the means of complete scores (N, R, S).

    Raises
    ------
    StatisticsError
        If scores are missing, or there are fewer than two samples.
    """
    if values.shape[2] < 2 or not np.isfinite(values).all():
        raise StatisticsError("speaking about new samples (generalize='samples') needs two complete common samples")
    stacked = np.moveaxis(values, 2, 0)
    by_sample = base.unscaled @ base.design.matrix.T @ stacked
    residual = stacked - base.design.matrix @ by_sample
    residual = residual - residual.mean(axis=0)
    df = base.residual_df * (len(stacked) - 1)
    return Crossed(base, by_sample, np.einsum("snr,snt->rt", residual, residual) / df)
