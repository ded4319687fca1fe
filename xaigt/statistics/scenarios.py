"""The worlds of the calibration: in which the assumptions of an analysis hold, and in which they do not."""

from __future__ import annotations

from dataclasses import dataclass

from xaigt.statistics.simulation import World


@dataclass(frozen=True)
class Scenario:
    """A world, and which analyses have their assumptions met in it.

    Attributes
    ----------
    title
        What is special about it.
    world
        The world; its number of networks a cell is set later.
    holds
        Analyses whose assumptions hold for the difference of arms.
    alike
        Whether all cells have one covariance, which the difference of methods needs.
    """

    title: str
    world: World
    holds: tuple[str, ...] = ()
    alike: bool = True


_EXACT = ("total", "adjusted", "separate slopes")
SCENARIOS = {
    "equal": Scenario("Arms equally accurate, accuracy matters", World(), _EXACT),
    "gap": Scenario("Arms differ in accuracy by one SD", World(gap=0.5), _EXACT),
    "cause": Scenario(
        "Gap, and an unmeasured common cause of accuracy and score",
        World(gap=0.5, cause_score=0.05, cause_dprime=0.5),
        ("total",),
    ),
    "noise": Scenario("Gap, accuracy measured on 2 x 50 samples", World(gap=0.5, accuracy_samples=50), ("total",)),
    "noise, wide gap": Scenario(
        "Gap of two SD, accuracy measured on 2 x 50 samples", World(gap=1.0, accuracy_samples=50), ("total",)
    ),
    "saturation": Scenario(
        "Gap, covariate AUC near 1, effect linear in d'",
        World(gap=0.5, dprime=3.0, covariate="auc"),
        ("total",),
    ),
    "interaction": Scenario(
        "Gap, arm x accuracy interaction, accuracy spread 1:3",
        World(gap=0.5, slope_difference=0.1, spread_ratio=1 / 3),
        ("separate slopes",),
    ),
    "bounded": Scenario("Arms alike, scores squeezed below 1", World(slope=0.0, bounded=True), _EXACT),
    "unequal": Scenario("Arms equally accurate, spread of networks 3:1", World(variance_ratio=3.0), alike=False),
    "one run": Scenario("One pre-training run an arm (SD as of networks)", World(run_sd=0.05)),
}
CLUSTERED = {
    "holes": Scenario("Three in ten scores of network and method missing", World(slope=0.0), ("CR2",)),
    "runs": Scenario("As many pre-training runs an arm as networks a cell", World(slope=0.0), ("CR2",)),
}
