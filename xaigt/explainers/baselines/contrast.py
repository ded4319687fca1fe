"""Local contrast: what standing out from the surroundings scores."""

from __future__ import annotations

import math

from torch import Tensor

from xaigt.explainers.baselines.filters import separable
from xaigt.explainers.errors import ExplainerError


def contrast(inputs: Tensor, *, sigma: float | None = None) -> Tensor:
    """Magnitude of the image minus its Gaussian-smoothed self, of the mean of the input's channels.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    sigma
        Standard deviation of the Gaussian in positions, cut at 4 sigma; by default a sixteenth of the
        shortest axis.

    Returns
    -------
    Tensor[B, *size]
    """
    image = inputs.float().mean(1)
    sigma = min(image.shape[1:]) / 16 if sigma is None else sigma
    if sigma <= 0:
        raise ExplainerError(f"contrast: sigma={sigma} must be positive")
    radius = int(4 * sigma + 0.5)
    weights = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, radius + 1)]
    kernel = [w / math.fsum(weights) for w in weights]
    return (image - separable(image, [kernel] * (image.ndim - 1))).abs()
