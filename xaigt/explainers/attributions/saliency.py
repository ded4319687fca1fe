"""Saliency (Simonyan et al. 2013, arXiv 1312.6034)."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.attributions.through import Channels, every_row, gradient, over_channels
from xaigt.explainers.view import Budget, Scorer


def saliency(
    inputs: Tensor, score: Scorer, budget: Budget, *, signed: bool = False, channels: Channels = "sum"
) -> Tensor:
    """Magnitude of the gradient of the score at the input, as captum gives it.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    signed
        Keep the sign of the gradient.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    found = gradient(score, inputs, every_row(inputs), budget.rows(gradients=True))
    return over_channels(found if signed else found.abs(), channels)
