"""Element-wise Grad-CAM, as the grad-cam library defines it."""

from __future__ import annotations

from torch import Tensor


def gradcam_elementwise(activations: Tensor, gradients: Tensor) -> Tensor:
    """``sum_k relu(G_k A_k)``: HiResCAM with the opposing channels of a position left out.

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.

    Returns
    -------
    Tensor[B, *grid]
        Not negative.
    """
    return (gradients * activations).relu_().sum(1)
