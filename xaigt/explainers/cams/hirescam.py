"""HiResCAM (Draelos and Carin 2020, arXiv 2011.08891)."""

from __future__ import annotations

import torch
from torch import Tensor


def hirescam(activations: Tensor, gradients: Tensor) -> Tensor:
    """``sum_k G_k A_k``, position by position, without ReLU.

    Where one linear layer follows the stage, the map of a logit sums to that logit minus its bias.

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.

    Returns
    -------
    Tensor[B, *grid]
    """
    return torch.einsum("bc...,bc...->b...", gradients, activations)
