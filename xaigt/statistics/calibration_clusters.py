"""Calibration of the cluster-robust test: networks that miss methods, or share pre-training runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from xaigt.statistics import design
from xaigt.statistics.cluster_robust import cluster_robust
from xaigt.statistics.fits import least_squares
from xaigt.statistics.scenarios import CLUSTERED
from xaigt.statistics.simulation import simulate

_BATCH = 400


def _present(networks: int, cells: np.ndarray, methods: int, rng: np.random.Generator) -> np.ndarray:
    """Leave each network and method out with probability 0.3; every cell keeps two of each method."""
    present = rng.random((networks, methods)) >= 0.3
    for cell in np.unique(cells):
        own = np.flatnonzero(cells == cell)
        present[own[:2]] = True
    return np.asarray(present)


def run_clustered(
    sizes: Sequence[int], studies: int, seed: int, scenarios: Sequence[str] = tuple(CLUSTERED)
) -> pd.DataFrame:
    """Simulate null studies with missing methods or shared runs, and count as in :func:`calibration.run`."""
    rows = []
    for name in scenarios:
        for size in sizes:
            world = replace(CLUSTERED[name].world, networks=size)
            place = list(CLUSTERED).index(name)
            rng = np.random.default_rng(np.random.SeedSequence([seed, 1000 + place, size]))
            arm, depth = world.arm, world.depth
            frame = pd.DataFrame({"arm": arm, "depth": depth})
            matrix = design.build(
                design.right_side(["arm", "depth"], None),
                frame,
                design.factor_levels(frame, ["arm", "depth"]),
                None,
            )
            cells = arm * 100 + depth
            shared = name == "runs"
            present = np.ones((len(arm), world.methods), dtype=bool)
            if not shared:
                present = _present(len(arm), cells, world.methods, rng)
            # The k-th network of every cell of an arm starts from the k-th run of that arm.
            index = np.arange(len(arm)) % size
            clusters = arm * size + index if shared else np.arange(len(arm))
            grid, cell_rows = matrix.grid(None)
            over = np.where(grid["arm"] == 0, 1.0, -1.0) / world.depths @ cell_rows
            weights = np.zeros((1, matrix.matrix.shape[1], world.methods))
            weights[0, :, 0] = over
            blocks: dict[str, list[np.ndarray]] = {"CR2": [], "total": []}
            for start in range(0, studies, _BATCH):
                count = min(_BATCH, studies - start)
                means = simulate(world, count, rng).values.mean(axis=3)
                if shared:
                    means = means + (0.05 * rng.standard_normal((count, 2 * size)))[:, clusters, None]
                # The design is the same in every study of a batch: only residuals differ.
                fit = cluster_robust(matrix, means[0], present, clusters)
                responses = means[:, present]
                params = responses @ (fit.bread @ fit.rows.T).T
                residual = responses - params @ fit.rows.T
                part = residual * (fit.adjusted @ weights.ravel())
                groups = np.eye(int(fit.clusters.max()) + 1)[fit.clusters]
                se = np.sqrt(((part @ groups) ** 2).sum(axis=1))
                reach = stats.t.ppf(0.975, fit.degrees_of_freedom(weights)[0]) * se
                blocks["CR2"].append(np.array([params @ weights.ravel(), reach]))
                if shared:
                    blocks["total"].append(_plain(matrix, means, weights))
            for analysis, parts in blocks.items():
                if parts:
                    rows.append(_row(name, size, analysis, np.concatenate(parts, axis=1)))
    return pd.DataFrame(rows)


def _plain(matrix: design.Design, means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Estimate and half-width of the default test on the first method, all studies at once."""
    fit = least_squares(matrix, means[:, :, 0].T)
    over = weights[0, :, 0]
    spread = np.sqrt(np.diag(fit.residual_covariance) * (over @ fit.unscaled @ over))
    return np.array([over @ fit.coefficients, stats.t.ppf(0.975, fit.residual_df) * spread])


def _row(name: str, size: int, analysis: str, block: np.ndarray) -> dict[str, object]:
    estimate, reach = block
    missed = float((np.abs(estimate) > reach).mean())
    return {
        "scenario": name,
        "networks": size,
        "contrast": "arm, clusters",
        "analysis": analysis,
        "holds": analysis in CLUSTERED[name].holds,
        "truth": 0.0,
        "studies": len(estimate),
        "bias": float(estimate.mean()),
        "rejects": missed,
        "error": missed,
        "coverage": 1 - missed,
        "margin": 2 * float(np.sqrt(missed * (1 - missed) / len(estimate))),
    }
