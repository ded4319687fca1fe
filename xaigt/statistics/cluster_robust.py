"""Cluster-robust least squares with the CR2 correction and Satterthwaite degrees of freedom.

For designs in which networks miss repeated cells, where networks share a pre-training run, or where the arms
differ in spread. Bell and McCaffrey (2002), Survey Methodology 28(2):169-181; Pustejovsky and Tipton (2018),
Journal of Business & Economic Statistics 36(4):672-683, with the identity as working covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaigt.statistics.design import Design
from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.fits import long_fit, long_rows


@dataclass(frozen=True)
class ClusterRobust:
    """Least squares on the means that are there, with CR2 standard errors.

    Attributes
    ----------
    rows
        float64, (n, p R): the long design, one row a mean that is there.
    adjusted
        float64, (n, p R): for each cluster, A_g X_g M (the part of the sandwich that residuals multiply).
    residuals
        float64, (n,).
    clusters
        int, (n,): 0 to C - 1.
    bread
        float64, (p R, p R): M, the (pseudo-)inverse of X'X.
    """

    design: Design
    coefficients: np.ndarray
    rows: np.ndarray
    adjusted: np.ndarray
    residuals: np.ndarray
    clusters: np.ndarray
    bread: np.ndarray
    name: str = "least squares on network means, cluster-robust (CR2), t with Satterthwaite degrees of freedom"

    def _long(self, weights: np.ndarray) -> np.ndarray:
        return weights.reshape(len(weights), -1)

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K, K) CR2 covariance of the estimates."""
        parts = (self.adjusted @ self._long(weights).T) * self.residuals[:, None]
        scores = np.zeros((int(self.clusters.max()) + 1, len(weights)))
        np.add.at(scores, self.clusters, parts)
        return scores.T @ scores

    def degrees_of_freedom(self, weights: np.ndarray) -> np.ndarray:
        """Return the (K,) Satterthwaite degrees of freedom: 2 E(V)^2 / Var(V) with independent errors.

        V is the quadratic form sum_g (a_g' e_g)^2 with e = (I - H) u, so df = tr(W)^2 / tr(W W), where
        W[g, h] = a_g' (I - H)_gh a_h.
        """
        known = np.empty(len(weights))
        count = int(self.clusters.max()) + 1
        for k, weight in enumerate(self._long(weights)):
            part = self.adjusted @ weight
            spread = np.zeros((count, self.rows.shape[1]))
            np.add.at(spread, self.clusters, self.rows * part[:, None])
            inner = np.bincount(self.clusters, part**2, minlength=count)
            form = np.diag(inner) - spread @ self.bread @ spread.T
            square = float((form**2).sum())
            known[k] = float(np.trace(form)) ** 2 / square if square > 0 else np.nan
        return known


def cluster_robust(design: Design, responses: np.ndarray, present: np.ndarray, clusters: np.ndarray) -> ClusterRobust:
    """Fit the means that are there (`present`, (N, R)) with CR2 over `clusters` (N,).

    Raises
    ------
    StatisticsError
        If there are fewer than two clusters, or no residual degree of freedom.
    """
    network, _ = np.nonzero(present)
    code = np.unique(clusters[network], return_inverse=True)[1].ravel()
    if code.max(initial=0) < 1:
        raise StatisticsError("cluster-robust errors need at least two clusters (networks, or pre-training runs)")
    rows = long_rows(design, present)
    params, bread, residual, left = long_fit(rows, responses[present])
    if left < 1:
        raise StatisticsError(
            f"{len(rows)} means and {rows.shape[1]} coefficients leave no residual degrees of freedom"
        )
    adjusted = np.empty_like(rows)
    for g in range(int(code.max()) + 1):
        own = np.flatnonzero(code == g)
        block = rows[own]
        adjusted[own] = _inverse_root(np.eye(len(own)) - block @ bread @ block.T) @ block @ bread
    coefficients = params.reshape(design.matrix.shape[1], responses.shape[1])
    return ClusterRobust(design, coefficients, rows, adjusted, residual, code, bread)


def _inverse_root(matrix: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
    """Return the symmetric Moore-Penrose inverse square root; directions without residual are left out."""
    value, vector = np.linalg.eigh((matrix + matrix.T) / 2)
    root = np.where(value > tolerance, 1.0 / np.sqrt(np.maximum(value, tolerance)), 0.0)
    return np.asarray((vector * root) @ vector.T)
