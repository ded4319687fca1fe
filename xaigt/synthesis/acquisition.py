"""What the scanner adds: noise with a grain, Gaussian or Rician.

A magnitude MR image is the length of a complex signal with Gaussian noise in both channels, so its noise is Rician
(Gudbjartsson & Patz, Magn Reson Med 34:910-914, 1995): never negative, with mean 1.25 SD where there is no signal, and
nearly Gaussian where the signal is above 3 SD. `noise_hu` is the SD of one channel. Hounsfield units and maps that are
computed from several images (ADC) are no magnitudes: their noise is Gaussian.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from xaigt.compiled.filters import wrapped_filter
from xaigt.distributions import DIGITS, draw
from xaigt.lesions import Streams
from xaigt.randomness import subseed, white_noise
from xaigt.schema import Strict
from xaigt.synthesis.recipe import AcquisitionRecipe
from xaigt.volume import Grid

_FWHM_TO_SD = 1 / math.sqrt(8 * math.log(2))


class Acquisition(Strict):
    """The drawn numbers of one acquisition; `quadrature_seed` is there where the noise is Rician."""

    noise_hu: float
    noise_fwhm_mm: float
    noise_seed: int
    quadrature_seed: int | None = None
    beam_hu: float = 0.0
    beam_phase: float = 0.0
    rim_hu: float = 0.0


def draw_acquisition(recipe: AcquisitionRecipe, rng: Streams, *, rician: bool) -> Acquisition:
    """Draw how one sample is acquired, alike for every class."""
    return Acquisition(
        noise_hu=draw(rng("acquisition"), recipe.noise_hu),
        noise_fwhm_mm=draw(rng("acquisition-grain"), recipe.noise_fwhm_mm),
        noise_seed=subseed(rng("noise")),
        quadrature_seed=subseed(rng("noise-quadrature")) if rician else None,
        beam_hu=draw(rng("beam"), recipe.beam_hu),
        beam_phase=round(float(rng("beam-phase").uniform()), DIGITS),
        rim_hu=draw(rng("rim"), recipe.rim_hu),
    )


def correlated_noise(acquisition: Acquisition, grid: Grid) -> torch.Tensor:
    """Gaussian noise ``[z, y, x]`` in units of the image.

    White noise of the recorded seed, smoothed in-plane by a Gaussian of the recorded width and scaled back to the
    recorded standard deviation; slices are independent. It is always made on the CPU, so that every device gets
    the same.
    """
    return _grained(acquisition.noise_seed, acquisition, grid)


def quadrature_noise(acquisition: Acquisition, grid: Grid) -> torch.Tensor | None:
    """Noise ``[z, y, x]`` of the second channel of a magnitude image, independent of the first; None if Gaussian."""
    if acquisition.quadrature_seed is None:
        return None
    return _grained(acquisition.quadrature_seed, acquisition, grid)


def _grained(seed: int, acquisition: Acquisition, grid: Grid) -> torch.Tensor:
    noise = white_noise(seed, grid.shape)
    along_y, along_x = (_kernel(acquisition.noise_fwhm_mm * _FWHM_TO_SD / grid.spacing[axis]) for axis in (1, 2))
    gain = acquisition.noise_hu
    for kernel in (along_y, along_x):
        gain /= float(np.sqrt(np.square(kernel, dtype=np.float64).sum()))
    # Wrapping round: the variance is the same at the edges.
    smoothed = np.empty_like(noise)
    wrapped_filter(noise, along_y, along_x * np.float32(gain), smoothed)
    return torch.from_numpy(smoothed)


def _kernel(sd: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    reach = max(1, math.ceil(2.5 * sd))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / max(sd, 0.05)) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)
