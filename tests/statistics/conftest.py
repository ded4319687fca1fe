"""Small studies with a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from xaigt.statistics.simulation import World, simulate


@pytest.fixture(scope="session")
def study():
    """Two arms, three depths, four networks a cell, three methods, twelve samples; noisy d'."""
    world = World(networks=4, samples=12, gap=0.4, accuracy_samples=60)
    return simulate(world, 1, np.random.default_rng(7)).table(0)
