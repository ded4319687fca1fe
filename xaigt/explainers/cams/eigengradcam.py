"""Eigen-CAM of gradient times activation, as the grad-cam library defines it."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.principal import principal_map


def eigengradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Projection of the centred ``G A`` on their first principal component.

    The sign makes the map agree with HiResCAM: see :func:`xaigt.explainers.principal.oriented`.

    Parameters
    ----------
    activations, gradients : Tensor[B, C, *grid]
        Activation of the stage, and gradient of the score there.

    Returns
    -------
    Tensor[B, *grid]
    """
    return principal_map(gradients * activations)
