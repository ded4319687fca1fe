"""ShapleyCAM (Cai 2025, arXiv 2501.06261)."""

from __future__ import annotations

import torch
from torch import Tensor


def shapleycam(activations: Tensor, gradients: Tensor, curvature: Tensor) -> Tensor:
    """``sum_k w_k A_k`` with ``w_k = mean(G - H A / 2)``, H the Hessian of the score at the stage.

    A second-order Grad-CAM: the two are equal where the network behind the stage is piecewise linear.

    Parameters
    ----------
    activations, gradients, curvature : Tensor[B, C, *grid]
        Activation of the stage, gradient of the score there, and Hessian-vector product with the activation.

    Returns
    -------
    Tensor[B, *grid]
    """
    weights = (gradients - 0.5 * curvature).flatten(2).mean(2)
    return torch.einsum("bc,bc...->b...", weights, activations)
