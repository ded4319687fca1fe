"""Tissue fractions of a brain in any contrast: a Gaussian mixture whose weights are a spatial prior.

Three classes (fluid, grey, white). The prior of a voxel is the blurred tissue map of the MNI152 average at the
corresponding place, mixed with an equal share of each class; means and variances are found by expectation
maximisation (Ashburner & Friston, NeuroImage 26:839-851, 2005, without their deformation and bias field).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaigt.anatomy.geometry import Array, Mask

CLASSES = ("csf", "grey", "white")
FLAT = 0.1  # share of the prior that says nothing: lets enlarged ventricles and deep sulci be found
STEPS = 40
MOST_VOXELS = 150_000


@dataclass(frozen=True)
class Tissues:
    """Fractions (0..1) of the three tissues, and the mean and standard deviation of each in the image."""

    csf: Array
    grey: Array
    white: Array
    means: tuple[float, float, float]
    deviations: tuple[float, float, float]


def estimate(image: Array, brain: Mask, priors: tuple[Array, Array, Array], clean: Mask | None = None) -> Tissues:
    """Estimate the tissue fractions of every voxel of a brain.

    Parameters
    ----------
    image
        Any contrast.
    brain
        Where to look; outside all fractions are 0.
    priors
        Blurred fractions of fluid, grey and white matter at the same places.
    clean
        Where means and variances are learnt; default: all of the brain.
    """
    values = image[brain].astype(np.float64)
    weights = np.stack([prior[brain] for prior in priors]).astype(np.float64)
    weights = np.clip(weights, 1e-3, None)
    weights = (1 - FLAT) * weights / weights.sum(0) + FLAT / len(CLASSES)
    learn = slice(None) if clean is None else clean[brain]
    step = max(1, values[learn].size // MOST_VOXELS)
    means, deviations = _fit(values[learn][::step], weights[:, learn][:, ::step])
    share = _posterior(values, weights, means, deviations).astype(np.float32)
    maps = []
    for number in range(len(CLASSES)):
        whole = np.zeros(image.shape, np.float32)
        whole[brain] = share[number]
        maps.append(whole)
    return Tissues(maps[0], maps[1], maps[2], _three(means), _three(deviations))


def _fit(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Means and standard deviations by expectation maximisation, started where the prior is surest."""
    sure = weights**4
    means = (sure * values).sum(1) / sure.sum(1)
    spread = max(float(np.subtract(*np.percentile(values, [84, 16]))) / 2, 1e-6)
    deviations = np.full(len(CLASSES), spread / 1.5)
    floor = 0.05 * spread
    for _ in range(STEPS):
        share = _posterior(values, weights, means, deviations)
        total = share.sum(1) + 1e-9
        before, means = means, (share * values).sum(1) / total
        deviations = np.sqrt((share * (values - means[:, None]) ** 2).sum(1) / total)
        deviations = np.maximum(deviations, floor)
        if np.abs(means - before).max() < 1e-4 * spread:
            break
    return means, deviations


def _posterior(
    values: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    means: npt.NDArray[np.float64],
    deviations: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    logarithm = np.log(weights) - np.log(deviations)[:, None]
    logarithm -= 0.5 * ((values - means[:, None]) / deviations[:, None]) ** 2
    logarithm -= logarithm.max(0)
    share = np.exp(logarithm)
    return np.asarray(share / share.sum(0))


def _three(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
