"""Grad-CAM++ (Chattopadhay et al. 2018, arXiv 1710.11063, equation 19)."""

from __future__ import annotations

import torch
from torch import Tensor


def gradcam_plusplus(activations: Tensor, gradients: Tensor, *, eps: float = 0.0) -> Tensor:
    """``sum_k w_k A_k`` with ``w_k = sum(alpha relu(G))``, ``alpha = G^2 / (2 G^2 + sum(A) G^3 + eps)``.

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.
    eps
        Added to the denominator. The default is the formula of the paper, ``1 / (2 + sum(A) G)``. grad-cam
        adds 1e-6, which is not small: gradients behind a global average pool have squares below it, and then
        the weights turn from first to third order in the gradient.

    Returns
    -------
    Tensor[B, *grid]

    Notes
    -----
    ``alpha`` is 0 where the gradient or the denominator is 0. The derivation assumes activations that are not
    negative; with others (SiLU, GELU) the denominator can come close to zero and single weights get large.
    """
    total = activations.flatten(2).sum(2).reshape(*activations.shape[:2], *([1] * (activations.ndim - 2)))
    denominator = 2.0 + total * gradients
    if eps:
        denominator = denominator + eps / torch.where(gradients == 0, 1.0, gradients).square()
    alpha = torch.where((gradients == 0) | (denominator == 0), 0.0, 1.0 / denominator)
    # A plain product would turn an infinite 1 / denominator of an unused position into NaN.
    weights = (alpha * gradients.relu()).flatten(2).sum(2)
    return torch.einsum("bc,bc...->b...", weights, activations)
