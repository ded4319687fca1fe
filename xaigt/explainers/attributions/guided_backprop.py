"""Guided backpropagation (Springenberg et al. 2014, arXiv 1412.6806)."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.attributions.rules import attribute, prepared_score
from xaigt.explainers.attributions.through import Channels, captum_attr, over_channels
from xaigt.explainers.view import Budget, Scorer


def guided_backprop(inputs: Tensor, score: Scorer, budget: Budget, *, channels: Channels = "sum") -> Tensor:
    """Gradient at the input with negative gradients stopped at every ReLU, by captum.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores; a network without any ReLU is refused.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    module = prepared_score(score, inputs, "guided-backprop", "relu", ())
    return over_channels(attribute(lambda: captum_attr().GuidedBackprop(module), inputs, budget), channels)
