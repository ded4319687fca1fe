"""XGrad-CAM (Fu et al. 2020, arXiv 2008.02312)."""

from __future__ import annotations

import torch
from torch import Tensor


def xgradcam(activations: Tensor, gradients: Tensor, *, eps: float = 1e-7) -> Tensor:
    """``sum_k w_k A_k`` with ``w_k = sum(G A) / (sum(A) + eps)``.

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.
    eps
        Guard against a dead channel.

    Returns
    -------
    Tensor[B, *grid]

    Notes
    -----
    A channel whose activations cancel (``sum(A)`` near 0, possible with SiLU or GELU) gets a large weight.
    """
    product = torch.einsum("bc...,bc...->bc", gradients, activations)
    weights = product / (activations.flatten(2).sum(2) + eps)
    return torch.einsum("bc,bc...->b...", weights, activations)
