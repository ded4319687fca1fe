"""Deconvolution (Zeiler and Fergus 2013, arXiv 1311.2901)."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.attributions.rules import attribute, prepared_score
from xaigt.explainers.attributions.through import Channels, captum_attr, over_channels
from xaigt.explainers.view import Budget, Scorer


def deconvolution(inputs: Tensor, score: Scorer, budget: Budget, *, channels: Channels = "sum") -> Tensor:
    """Gradient at the input with a ReLU on the gradient in place of every ReLU's own gradient, by captum.

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
    module = prepared_score(score, inputs, "deconvolution", "relu", ())
    return over_channels(attribute(lambda: captum_attr().Deconvolution(module), inputs, budget), channels)
