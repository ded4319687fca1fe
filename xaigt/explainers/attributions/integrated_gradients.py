"""Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from xaigt.explainers.attributions.through import (
    Channels,
    captum_attr,
    every_row,
    over_channels,
    quiet,
    reference_input,
)
from xaigt.explainers.view import Budget, Scorer


def integrated_gradients(
    inputs: Tensor,
    score: Scorer,
    budget: Budget,
    context: Mapping[str, Tensor],
    *,
    steps: int = 50,
    channels: Channels = "sum",
) -> Tensor:
    """``(x - r)`` times the mean gradient on the way from the reference r to x, by captum (Gauss-Legendre).

    Its total is the score of the input minus that of the reference, up to the error of integration.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    context
        ``reference``, Tensor[B or 1, C, *size]; zero without it.
    steps
        Points on the way.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    with quiet():
        found = (
            captum_attr()
            .IntegratedGradients(score)
            .attribute(
                inputs.detach().clone(),
                baselines=reference_input(context, inputs),
                additional_forward_args=(every_row(inputs),),
                n_steps=steps,
                internal_batch_size=max(len(inputs), budget.rows(gradients=True)),
            )
        )
    return over_channels(found, channels)
