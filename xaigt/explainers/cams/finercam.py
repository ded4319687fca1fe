"""Finer-CAM (Zhang et al. 2025, arXiv 2501.11309): Grad-CAM of what tells a class from similar ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from xaigt.explainers.cams.gradcam import gradcam
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.targets import Resolved


def finercam(
    activations: Tensor,
    gradients_of: Callable[[Resolved], Tensor],
    targets: Resolved,
    *,
    alpha: float = 1.0,
    references: int = 3,
    weighting: Literal["softmax", "uniform"] = "softmax",
) -> Tensor:
    """Grad-CAM of ``z_t - alpha sum_r p_r z_r``, r the classes whose logits are nearest to that of t.

    Parameters
    ----------
    activations : Tensor[B, C, *grid]
        Activation of the stage.
    gradients_of
        Gradient at the stage, Tensor[B, C, *grid], of other targets.
    targets
        The class t of each sample; whatever the target asks for, logits are compared.
    alpha
        How much of the similar classes is taken away.
    references
        How many similar classes, at most K - 1.
    weighting
        ``softmax``: ``p_r`` are the probabilities of the references, summing to 1 and held constant (grad-cam
        differentiates them too, which mixes the confidence among the references into the map); ``uniform``.

    Returns
    -------
    Tensor[B, *grid]
    """
    logits, classes = targets.logits.float(), targets.classes
    if logits.shape[1] < 2:
        raise ExplainerError("finercam compares classes: a network of one logit has none to compare with")
    own = logits.gather(1, classes[:, None])
    distance = (logits - own).abs().scatter(1, classes[:, None], torch.inf)
    nearest = distance.argsort(dim=1, stable=True)[:, : min(references, logits.shape[1] - 1)]
    similar = logits.gather(1, nearest)
    shares = (
        similar.softmax(1) if weighting == "softmax" else torch.full_like(similar, 1.0 / similar.shape[1])
    )
    weights = torch.zeros_like(logits).scatter(1, nearest, -alpha * shares)
    weights = weights.scatter(1, classes[:, None], 1.0)
    return gradcam(activations, gradients_of(replace(targets, weights=weights, link="identity")))
