"""LayerCAM (Jiang et al. 2021, doi 10.1109/TIP.2021.3089943)."""

from __future__ import annotations

import torch
from torch import Tensor


def layercam(activations: Tensor, gradients: Tensor) -> Tensor:
    """``sum_k relu(G_k) A_k``, position by position.

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.

    Returns
    -------
    Tensor[B, *grid]
    """
    return torch.einsum("bc...,bc...->b...", gradients.relu(), activations)
