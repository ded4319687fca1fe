"""Simulated studies with a known truth, thousands at once: networks, methods and samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class World:
    """How scores and accuracy come about. Standard deviations in units of the score, accuracy in units of d'.

    score = slope x d' + network + network:method + sample + sample:method + network:sample + residual, with
    no direct effect of the arm: at equal accuracy the arms are alike. Two arms, which differ by `gap` in d'.

    Attributes
    ----------
    networks, depths, methods, samples
        Networks a cell, depths (cells of each arm), methods and scored samples.
    network_sd, network_method_sd, sample_sd, sample_method_sd, network_sample_sd, residual_sd
        Random effects on the score.
    dprime, dprime_sd, gap
        Mean d', its spread among networks of one cell, and first arm minus second.
    slope, slope_difference
        Effect of d' on the score, and how much more of it the first arm has (centred at the mean of d').
    cause_score, cause_dprime
        Effects of one unmeasured standard-normal cause a network on its score, and on its d'.
    spread_ratio
        Spread of d' in the first arm over that in the second.
    variance_ratio
        Spread of the network effects in the first arm over that in the second.
    run_sd
        Spread of one pre-training run that all networks of an arm share.
    accuracy_samples
        Samples a class from which d' is measured; None: d' is known exactly.
    covariate
        ``"dprime"`` or ``"auc"`` (Phi(d' / sqrt 2), which saturates).
    bounded
        Whether the score is squeezed into 0 to 1 by a logistic curve, near its upper end.
    """

    networks: int = 5
    depths: int = 3
    methods: int = 3
    samples: int = 50
    network_sd: float = 0.05
    network_method_sd: float = 0.05
    sample_sd: float = 0.1
    sample_method_sd: float = 0.05
    network_sample_sd: float = 0.05
    residual_sd: float = 0.1
    dprime: float = 2.0
    dprime_sd: float = 0.5
    gap: float = 0.0
    slope: float = 0.1
    slope_difference: float = 0.0
    cause_score: float = 0.0
    cause_dprime: float = 0.0
    spread_ratio: float = 1.0
    variance_ratio: float = 1.0
    run_sd: float = 0.0
    accuracy_samples: int | None = None
    covariate: str = "dprime"
    bounded: bool = False

    @property
    def arm(self) -> np.ndarray:
        """0 or 1, (N,): the arm of each network."""
        return np.repeat([0, 1], self.networks * self.depths)

    @property
    def depth(self) -> np.ndarray:
        """1 to depths, (N,)."""
        return np.tile(np.repeat(np.arange(1, self.depths + 1), self.networks), 2)


@dataclass(frozen=True)
class Studies:
    """T studies: scores (T, N, R, S), covariate and standard error (T, N), true d', shift a method (T, R)."""

    world: World
    values: np.ndarray
    covariate: np.ndarray
    error: np.ndarray
    dprime: np.ndarray
    method_shift: np.ndarray

    def table(self, study: int) -> pd.DataFrame:
        """Return one study as a score table."""
        world = self.world
        shape = self.values.shape[1:]
        network, method, sample = (axis.ravel() for axis in np.indices(shape))
        name = np.array([f"n{i:03d}" for i in range(shape[0])])
        return pd.DataFrame(
            {
                "network_id": name[network],
                "arm": np.array(["a", "b"])[world.arm][network],
                "depth": world.depth[network],
                "method": np.array([f"m{i}" for i in range(shape[1])])[method],
                "sample": sample,
                "value": self.values[study].ravel(),
                "dprime": self.covariate[study][network],
                "dprime_se": self.error[study][network],
            }
        )


def simulate(world: World, studies: int, rng: np.random.Generator) -> Studies:
    """Draw `studies` studies from a world."""
    arm, N, R, S = world.arm, len(world.arm), world.methods, world.samples
    first = arm == 0
    cause = rng.standard_normal((studies, N))
    spread = world.dprime_sd * np.where(first, world.spread_ratio, 1.0)
    true = world.dprime + world.gap * np.where(first, 0.5, -0.5)
    true = true + spread * rng.standard_normal((studies, N)) + world.cause_dprime * cause
    slope = world.slope + world.slope_difference * np.where(first, 0.5, -0.5)
    noise = np.where(first, world.variance_ratio, 1.0)
    network = slope * (true - world.dprime) + world.cause_score * cause
    network = network + noise * world.network_sd * rng.standard_normal((studies, N))
    if world.run_sd:
        network = network + world.run_sd * rng.standard_normal((studies, 2))[:, arm]
    means = network[:, :, None] + noise[:, None] * world.network_method_sd * rng.standard_normal((studies, N, R))
    by_method = world.sample_method_sd * rng.standard_normal((studies, 1, R, S))
    sample = world.sample_sd * rng.standard_normal((studies, 1, 1, S)) + by_method
    values = rng.standard_normal((studies, N, R, S))
    values *= world.residual_sd
    values += world.network_sample_sd * rng.standard_normal((studies, N, 1, S))
    values += means[:, :, :, None] + sample
    if world.bounded:
        values = 1 / (1 + np.exp(-(3.0 + 10.0 * values)))
    covariate, error = _measured(world, true, rng)
    return Studies(world, values, covariate, error, true, by_method.mean(axis=3)[:, 0])


def _measured(world: World, true: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if world.covariate == "auc":
        return stats.norm.cdf(true / np.sqrt(2)), np.zeros_like(true)
    if world.accuracy_samples is None:
        return true, np.zeros_like(true)
    n = world.accuracy_samples
    hits = rng.binomial(n, stats.norm.cdf(true / 2))
    alarms = rng.binomial(n, stats.norm.cdf(-true / 2))
    rates = (np.stack([hits, alarms]) + 0.5) / (n + 1)
    z = stats.norm.ppf(rates)
    variance = (rates * (1 - rates) / (n * stats.norm.pdf(z) ** 2)).sum(axis=0)
    return z[0] - z[1], np.sqrt(variance)
