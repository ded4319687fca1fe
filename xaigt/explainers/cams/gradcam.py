"""Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391)."""

from __future__ import annotations

import torch
from torch import Tensor


def gradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """``sum_k w_k A_k`` with ``w_k`` the mean of the gradient over all positions (slices too).

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.

    Returns
    -------
    Tensor[B, *grid]
    """
    weights = gradients.flatten(2).mean(2)
    return torch.einsum("bc,bc...->b...", weights, activations)
