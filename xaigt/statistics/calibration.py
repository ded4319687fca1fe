"""Calibration: how often each test rejects a true null, over thousands of studies with a known truth.

Run it with ``python -m xaigt.statistics.calibration``. The studies are drawn sample by sample and fitted in
batches of numpy; a test asserts that a batch gives what :func:`xaigt.statistics.compare` gives for each of
its studies.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from xaigt.statistics.measurement_error import LOWEST_RELIABILITY, OVERSHOOT
from xaigt.statistics.scenarios import SCENARIOS
from xaigt.statistics.simulation import Studies, simulate

SIZES = (3, 5, 10)
CONTRASTS = ("arm", "method", "method, new samples")
METHOD_HOLDS = {"method": ("total", "adjusted", "separate slopes"), "method, new samples": ("over samples",)}
_BATCH = 400


def design(arm: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return the cell-means design (N, cells): first all depths of arm 0, then of arm 1."""
    cell = arm * depth.max() + depth - 1
    return np.asarray(np.eye(int(cell.max()) + 1)[cell], dtype=np.float64)


def fit(matrix: np.ndarray, response: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Least squares of T studies at once.

    Parameters
    ----------
    matrix, response, weights
        float64, (T, N, p) or (N, p); (T, N); (T, p) or (p,).

    Returns
    -------
    estimate, se, df
        (T,), (T,), and the residual degrees of freedom.
    """
    transposed = np.swapaxes(matrix, -1, -2)
    unscaled = np.linalg.inv(transposed @ matrix)
    params = (unscaled @ (transposed @ response[..., None]))[..., 0]
    residual = response - (matrix @ params[..., None])[..., 0]
    df = matrix.shape[-2] - matrix.shape[-1]
    spread = np.einsum("...p,...pq,...q->...", weights, unscaled, weights)
    return (params * weights).sum(axis=-1), np.sqrt((residual**2).sum(axis=-1) / df * spread), df


Result = tuple[np.ndarray, np.ndarray, np.ndarray | float]


def analyses(studies: Studies, contrast: str) -> dict[str, Result]:
    """Return estimate, se and df of every analysis of one contrast, for all studies.

    Parameters
    ----------
    studies
        T studies.
    contrast
        ``"arm"``: first arm minus second, mean over depths, first method. ``"method"``: first method minus
        second, mean over cells, on these samples. ``"method, new samples"``: the same, for samples yet to be
        drawn.
    """
    world = studies.world
    cells = design(world.arm, world.depth)
    half = cells.shape[1] // 2
    means = studies.values.mean(axis=3)
    if contrast == "arm":
        response, over = means[:, :, 0], np.repeat([1.0, -1.0], half) / half
    else:
        response, over = means[:, :, 0] - means[:, :, 1], np.full(2 * half, 1 / (2 * half))
    total = fit(cells, response, over)
    measured = studies.covariate
    centred = measured - measured.mean(axis=1, keepdims=True)
    linear = np.concatenate([np.broadcast_to(cells, (*centred.shape, 2 * half)), centred[:, :, None]], axis=2)
    apart = centred[:, :, None] * np.eye(2)[world.arm]
    separate = np.concatenate([linear[:, :, :-1], apart], axis=2)
    result: dict[str, Result] = {
        "naive": _naive(studies, contrast, total[0]),
        "Wald z": (total[0], total[1], np.inf),
        "total": total,
        "adjusted": fit(linear, response, np.append(over, 0.0)),
        "separate slopes": fit(separate, response, np.append(over, [0.0, 0.0])),
    }
    if contrast != "arm":
        result["network intercept"] = _network_intercept(studies, total[0])
    if contrast == "method, new samples":
        difference = studies.values[:, :, 0] - studies.values[:, :, 1]
        result["over samples"] = _over_samples(cells, difference, over, total)
    elif studies.error.any():
        result["corrected"] = _calibrated(cells, response, over, measured, studies.error)
    return result


def _naive(studies: Studies, contrast: str, estimate: np.ndarray) -> Result:
    """Two-sided t of single scores as if they were independent (pooled variance of all cells and methods)."""
    world = studies.world
    count, networks, repeated, samples = studies.values.shape
    cells = 2 * world.depths
    grouped = studies.values.reshape(count, cells, world.networks, repeated, samples)
    residual = ((grouped - grouped.mean(axis=(2, 4), keepdims=True)) ** 2).sum(axis=(1, 2, 3, 4))
    df = networks * repeated * samples - cells * repeated
    single = world.networks * samples
    parts = 2 / (single * world.depths) if contrast == "arm" else 2 / (single * cells)
    return estimate, np.sqrt(residual / df * parts), df


def _network_intercept(studies: Studies, estimate: np.ndarray) -> Result:
    """Difference of methods from a mixed model with a random intercept of the network alone."""
    world = studies.world
    count, networks, repeated, samples = studies.values.shape
    cells = 2 * world.depths
    means = studies.values.mean(axis=3)
    inside = ((studies.values - means[..., None]) ** 2).sum(axis=(1, 2, 3))
    rest = (means - means.mean(axis=2, keepdims=True)).reshape(count, cells, world.networks, repeated)
    rest = rest - rest.mean(axis=2, keepdims=True)
    df = networks * repeated * samples - networks - cells * (repeated - 1)
    variance = (inside + samples * (rest**2).sum(axis=(1, 2, 3))) / df
    return estimate, np.sqrt(2 * variance / (networks * samples)), df


def _over_samples(cells: np.ndarray, difference: np.ndarray, over: np.ndarray, total: Result) -> Result:
    """Variance over networks and samples, as in xaigt.statistics.crossed; `difference` is (T, N, S)."""
    estimate, se, df = total
    samples = difference.shape[2]
    inverse = np.linalg.inv(cells.T @ cells)
    single = np.einsum("n,tns->ts", over @ inverse @ cells.T, difference)
    sample = single.var(axis=1, ddof=1) / samples
    residual = difference - cells @ (inverse @ (cells.T @ difference))
    residual -= residual.mean(axis=2, keepdims=True)
    both = (residual**2).sum(axis=(1, 2)) / (df * (samples - 1)) * (over @ inverse @ over) / samples
    variance = np.maximum(se**2 + sample - both, se**2)
    free = variance**2 / (se**4 / df + sample**2 / (samples - 1) + both**2 / (df * (samples - 1)))
    return estimate, np.sqrt(variance), free


def _calibrated(
    cells: np.ndarray, response: np.ndarray, over: np.ndarray, measured: np.ndarray, error: np.ndarray
) -> Result:
    """Regression calibration, as in :mod:`xaigt.statistics.measurement_error`; NaN where it is refused."""
    inverse = np.linalg.inv(cells.T @ cells)
    fitted = measured @ cells @ inverse @ cells.T
    free = cells.shape[0] - cells.shape[1]
    within = ((measured - fitted) ** 2).sum(axis=1) / free
    noise = (error**2).mean(axis=1)
    trust = 1 - (1 - OVERSHOOT / free) * noise / within
    used = trust >= LOWEST_RELIABILITY
    lam = np.where(used, trust, np.nan)
    true = fitted + lam[:, None] * (measured - fitted)
    centre = measured.mean(axis=1, keepdims=True)
    matrix = np.concatenate(
        [np.broadcast_to(cells, (*measured.shape, cells.shape[1])), np.nan_to_num(true - centre)[:, :, None]],
        axis=2,
    )
    matrix[~used, :, -1] = (measured - centre)[~used]
    estimate, se, df = fit(matrix, response, np.append(over, 0.0))
    slope, _, _ = fit(matrix, response, np.append(np.zeros(cells.shape[1]), 1.0))
    extra = slope**2 * noise * (1 - lam) * (over @ inverse @ over)
    gradient = -((measured - centre) @ cells @ inverse @ over) * slope / lam
    variance = se**2 + extra + 2 * (1 - lam) ** 2 / free * gradient**2
    return np.where(used, estimate, np.nan), np.sqrt(variance), df


def truth(studies: Studies, contrast: str, analysis: str) -> np.ndarray:
    """Return the true value (T,) of what an analysis estimates.

    0; for the total effect of arms what accuracy carries; for methods on these samples what the samples
    carry.
    """
    world = studies.world
    if contrast == "method":
        return np.asarray(studies.method_shift[:, 0] - studies.method_shift[:, 1])
    carried = world.slope * world.gap if contrast == "arm" and analysis in ("naive", "Wald z", "total") else 0.0
    return np.full(len(studies.values), carried)


def run(
    sizes: Sequence[int] = SIZES,
    studies: int = 10_000,
    scenarios: Sequence[str] = tuple(SCENARIOS),
    seed: int = 9,
    progress: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Simulate null studies and count.

    Returns
    -------
    pandas.DataFrame
        One row a scenario, number of networks a cell, contrast and analysis: ``holds`` (whether its
        assumptions are met), ``truth``, ``studies`` (that gave a result), ``bias``, ``rejects`` (share with p
        < 0.05 of the hypothesis that the difference is zero), ``error`` (share whose 95 % interval misses the
        truth), ``coverage`` and ``margin`` (two Monte Carlo standard errors of both).
    """
    rows = []
    for place, name in enumerate(scenarios):
        scenario = SCENARIOS[name]
        for size in sizes:
            world = replace(scenario.world, networks=size)
            rng = np.random.default_rng(np.random.SeedSequence([seed, list(SCENARIOS).index(name), size]))
            parts: dict[tuple[str, str], list[np.ndarray]] = {}
            for start in range(0, studies, _BATCH):
                drawn = simulate(world, min(_BATCH, studies - start), rng)
                for contrast in CONTRASTS if not world.bounded else ("arm", "method, new samples"):
                    for analysis, (estimate, se, df) in analyses(drawn, contrast).items():
                        block = np.array([estimate, stats.t.ppf(0.975, df) * se, truth(drawn, contrast, analysis)])
                        parts.setdefault((contrast, analysis), []).append(block)
            for (contrast, analysis), blocks in parts.items():
                estimate, reach, value = np.concatenate(blocks, axis=1)
                known = np.isfinite(estimate)
                missed = float((np.abs(estimate - value) > reach)[known].mean())
                met = scenario.holds if contrast == "arm" else METHOD_HOLDS[contrast] if scenario.alike else ()
                rows.append(
                    {
                        "scenario": name,
                        "networks": size,
                        "contrast": contrast,
                        "analysis": analysis,
                        "holds": analysis in met,
                        "truth": float(value.mean()),
                        "studies": int(known.sum()),
                        "bias": float((estimate - value)[known].mean()),
                        "rejects": float((np.abs(estimate[known]) > reach[known]).mean()),
                        "error": missed,
                        "coverage": 1 - missed,
                        "margin": 2 * float(np.sqrt(missed * (1 - missed) / known.sum())),
                    }
                )
            progress(f"{scenario.title}: {size} networks a cell ({place + 1} of {len(scenarios)})")
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the calibration and write its table, figure and page."""
    from xaigt.statistics.calibration_clusters import run_clustered
    from xaigt.statistics.calibration_report import write

    parser = argparse.ArgumentParser(prog="python -m xaigt.statistics.calibration", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/explanation"), help="folder of the page")
    parser.add_argument("--studies", type=int, default=10_000, help="null studies a scenario and size")
    parser.add_argument("--seed", type=int, default=9)
    options = parser.parse_args(arguments)
    table = run(studies=options.studies, seed=options.seed, progress=lambda line: print(line, flush=True))
    table = pd.concat([table, run_clustered(SIZES, options.studies, options.seed)], ignore_index=True)
    for path in write(table, options.out, options.studies, options.seed):
        print(path)


if __name__ == "__main__":
    main()
