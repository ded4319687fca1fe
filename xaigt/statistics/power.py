"""Power by number of trained networks and samples, from the variance components of a pilot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from xaigt.statistics.findings import StatisticsError
from xaigt.statistics.mixed import VarianceComponents


@dataclass(frozen=True)
class Spread:
    """Standard deviations that decide power, in units of the score.

    Attributes
    ----------
    network
        Between networks of one cell, alike for all methods (pre-training runs included, if each network has
        its own).
    network_method
        Between networks of one cell, of each method by itself.
    network_sample
        Between samples within a network, alike for all methods.
    residual
        What is left between samples of one network and method.
    """

    network: float
    network_method: float
    network_sample: float
    residual: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value >= 0):
                raise StatisticsError(f"the {name.replace('_', ':')} standard deviation must be 0 or more, got {value}")
        if self.network + self.network_method + self.network_sample + self.residual == 0:
            raise StatisticsError("all standard deviations are 0: there is nothing to plan for")

    @classmethod
    def of(cls, components: VarianceComponents) -> Spread:
        """Take the standard deviations from the components of a pilot."""
        run = components.variance("pretraining run")
        parts = [components.variance(name) for name in ("network:method", "network:sample", "residual")]
        return cls(*np.sqrt([components.variance("network") + run, *parts]).tolist())


def power_table(
    effect: float,
    networks: Sequence[int],
    samples: Sequence[int],
    spread: Spread,
    *,
    contrast: Literal["arm", "method"] = "arm",
    cells: int = 2,
    methods: int = 1,
    depths: int = 1,
    covariate: bool = False,
    gap: float = 0.0,
    explained: float = 0.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Power of the default test (least squares on network means) for a difference of two arms or two methods.

    Parameters
    ----------
    effect
        The difference to be found, in units of the score.
    networks
        Numbers of trained networks a cell.
    samples
        Numbers of scored samples.
    spread
        Standard deviations, such as ``Spread.of(compare(pilot).components)``.
    contrast
        ``"arm"``: two arms, at one method or (with `methods` > 1) their mean. ``"method"``: two methods, over
        all cells.
    cells
        Number of cells that are fitted (arms x depths); they give the residual degrees of freedom.
    methods
        Number of methods that an arm contrast averages.
    depths
        Number of cells of each arm that the contrast averages.
    covariate
        Whether the contrast is adjusted for accuracy: it then costs a degree of freedom, and precision by
        `gap`.
    gap
        Difference of the arms in the covariate, in standard deviations within cells.
    explained
        Share of the variance between network means that the covariate explains.
    level
        1 minus the size of the two-sided test.

    Returns
    -------
    pandas.DataFrame
        ``networks`` (a cell), ``trained`` (in all), ``samples``, ``se`` (expected), ``df``, ``power``,
        ``detectable`` (difference found with power 0.8).

    Notes ----- Non-central t. Variance of a network mean: network + network:method / methods +
    (network:sample + residual / methods) / samples for arms; 2 network:method + 2 residual / samples for
    methods (what a network's methods share drops out). Effects of samples drop out of a common sample set.
    With a covariate the expected variance of the contrast is 2 / n + gap^2 / (N - cells - 2), for a normal
    covariate.
    """
    if effect <= 0 or not np.isfinite(effect):
        raise StatisticsError(f"the effect must be positive, got {effect}")
    if cells < (2 * depths if contrast == "arm" else 1) or methods < 1 or depths < 1:
        raise StatisticsError(f"{cells} cells cannot hold two arms of {depths} depths; cells is arms x depths")
    if not 0 <= explained < 1:
        raise StatisticsError(f"explained must lie between 0 and 1, got {explained}")
    rows = []
    for n in networks:
        for s in samples:
            if n < 1 or s < 1:
                raise StatisticsError(f"networks and samples must be 1 or more, got {n} and {s}")
            trained = n * cells
            df = trained - cells - int(covariate)
            variance = _variance(spread, contrast, methods, s) * (1 - explained * covariate)
            parts = 2 / (n * depths) if contrast == "arm" else 1 / trained
            if covariate and contrast == "arm":
                parts += gap**2 / (df - 1) if df > 1 else np.nan
            se = float(np.sqrt(variance * parts))
            rows.append((n, trained, s, se, df, _power(effect, se, df, level), _detectable(se, df, level)))
    return pd.DataFrame(rows, columns=["networks", "trained", "samples", "se", "df", "power", "detectable"])


def _variance(spread: Spread, contrast: str, methods: int, samples: int) -> float:
    if contrast == "method":
        return 2 * spread.network_method**2 + 2 * spread.residual**2 / samples
    if contrast != "arm":
        raise StatisticsError(f"contrast must be 'arm' or 'method', got {contrast!r}")
    between = spread.network**2 + spread.network_method**2 / methods
    return between + (spread.network_sample**2 + spread.residual**2 / methods) / samples


def _power(effect: float, se: float, df: int, level: float) -> float:
    """Power of a two-sided t test; NaN without degrees of freedom."""
    if df < 1 or not np.isfinite(se):
        return float("nan")
    if se == 0:
        return 1.0
    bound = stats.t.ppf((1 + level) / 2, df)
    return float(stats.nct.sf(bound, df, effect / se) + stats.nct.cdf(-bound, df, effect / se))


def _detectable(se: float, df: int, level: float, wanted: float = 0.8) -> float:
    """Difference that is found with power 0.8, by bisection."""
    if df < 1 or not np.isfinite(se) or se == 0:
        return 0.0 if se == 0 else float("nan")
    low, high = 0.0, 200.0 if df == 1 else 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, 1.0, df, level) < wanted else (low, middle)
    return high * se


def power_figure(table: pd.DataFrame, effect: float) -> Any:
    """Draw power against networks a cell, one line a number of samples; returns a matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for place, (samples, rows) in enumerate(table.groupby("samples")):
        axes.plot(rows["networks"], rows["power"], marker="os^Dv<>"[place % 7], label=f"{samples}")
    axes.axhline(0.8, color="0.6", linewidth=0.8, linestyle="--")
    axes.set(xlabel="trained networks a cell", ylabel="power", ylim=(0, 1.02), title=f"difference of {effect:g}")
    axes.set_xticks(sorted(table["networks"].unique()))
    axes.legend(title="samples", frameon=False)
    return figure
