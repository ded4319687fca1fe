"""Input times gradient (Shrikumar et al. 2016, arXiv 1605.01713)."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.attributions.through import Channels, every_row, gradient, over_channels
from xaigt.explainers.view import Budget, Scorer


def input_x_gradient(inputs: Tensor, score: Scorer, budget: Budget, *, channels: Channels = "sum") -> Tensor:
    """``x G``.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    return over_channels(
        inputs * gradient(score, inputs, every_row(inputs), budget.rows(gradients=True)), channels
    )
