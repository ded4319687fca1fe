"""Occlusion (Zeiler and Fergus 2013, arXiv 1311.2901)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
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


def occlusion(
    inputs: Tensor,
    score: Scorer,
    budget: Budget,
    context: Mapping[str, Tensor],
    *,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    chunk: int | None = None,
    channels: Channels = "sum",
) -> Tensor:
    """How much the score drops when a window is replaced, averaged over the windows on a position (captum).

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    context
        ``reference``, Tensor[B or 1, C, *size], what a window is filled with; zero without it.
    window
        Size of the window an axis; by default an eighth of the image, at least 1. All channels at once.
    stride
        Step of the window an axis; by default half the window, at least 1.
    chunk
        Occluded inputs in a forward pass; by default what ``max_memory`` allows. The result does not hang on
        it.
    channels
        How the channels of the input become one map; all channels of a position have the same value.

    Returns
    -------
    Tensor[B, *size]
    """
    size = inputs.shape[2:]
    windows = _axes(window, [max(1, s // 8) for s in size])
    strides = _axes(stride, [max(1, w // 2) for w in windows])
    with torch.no_grad(), quiet():
        found = (
            captum_attr()
            .Occlusion(score)
            .attribute(
                inputs.detach(),
                sliding_window_shapes=(inputs.shape[1], *windows),
                strides=(inputs.shape[1], *strides),
                baselines=reference_input(context, inputs),
                additional_forward_args=(every_row(inputs),),
                perturbations_per_eval=max(1, (chunk or budget.rows()) // len(inputs)),
            )
        )
    return over_channels(found, channels)


def _axes(given: int | Sequence[int] | None, default: Sequence[int]) -> tuple[int, ...]:
    if given is None:
        return tuple(default)
    return (given,) * len(default) if isinstance(given, int) else tuple(given)
