"""Noise of the scanner: the moments that theory gives."""

import math

import numpy as np
import pytest
import torch

from tests.conftest import SMALL
from xaigt.synthesis.acquisition import Acquisition, correlated_noise, quadrature_noise
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import load_recipe
from xaigt.volume import Grid

GRID = Grid((6, 256, 256), (1.0, 1.0, 1.0), 1.0, (0.0, 0.0, 0.0))
SD = 30.0
ACQUISITION = Acquisition(noise_hu=SD, noise_fwhm_mm=1.5, noise_seed=1, quadrature_seed=2)


def magnitude(signal):
    return torch.hypot(signal + correlated_noise(ACQUISITION, GRID), quadrature_noise(ACQUISITION, GRID)).numpy()


def test_both_channels_have_the_same_sd_and_are_independent():
    first, second = correlated_noise(ACQUISITION, GRID), quadrature_noise(ACQUISITION, GRID)
    assert float(first.std()) == pytest.approx(SD, rel=0.02) and float(second.std()) == pytest.approx(SD, rel=0.02)
    assert abs(np.corrcoef(first.flatten(), second.flatten())[0, 1]) < 0.02


def test_without_signal_the_noise_is_rayleigh():
    found = magnitude(0.0)
    assert found.mean() == pytest.approx(SD * math.sqrt(math.pi / 2), rel=0.01)
    assert found.std() == pytest.approx(SD * math.sqrt(2 - math.pi / 2), rel=0.02)
    assert found.min() >= 0


@pytest.mark.parametrize("signal", [0.0, 15.0, 30.0, 90.0, 1000.0])
def test_the_second_moment_is_that_of_rice(signal):
    """E[m^2] = A^2 + 2 sd^2, whatever the signal."""
    assert np.mean(magnitude(signal).astype(np.float64) ** 2) == pytest.approx(signal**2 + 2 * SD**2, rel=0.015)


def test_far_above_the_noise_it_is_gaussian():
    found = magnitude(1000.0)
    assert found.std() == pytest.approx(SD, rel=0.02)
    assert found.mean() == pytest.approx(1000 + SD**2 / 2000, abs=0.7)  # 1 + 1 / (2 SNR^2), to second order


@pytest.mark.parametrize(
    ("lesion", "changes", "rician"),
    [
        ("white-matter", {}, True),
        ("white-matter", {"acquisition.noise": "gaussian"}, False),
        ("hemorrhage", {}, False),
    ],
)
def test_magnitudes_have_rician_noise_by_default(lesion, changes, rician):
    plan = draw_plan(load_recipe(lesion, changes=SMALL | changes), 0, 0)
    assert (plan.acquisition.quadrature_seed is not None) == rician


def test_hounsfield_units_are_no_magnitudes():
    with pytest.raises(Exception, match="rician is for MR"):
        load_recipe("hemorrhage", changes={"acquisition.noise": "rician"})
