"""Eigen-CAM (Muhammad and Yeasin 2020, arXiv 2008.00299)."""

from __future__ import annotations

from torch import Tensor

from xaigt.explainers.principal import principal_map


def eigencam(activations: Tensor) -> Tensor:
    """Projection of the centred activations on their first principal component; it knows no class.

    The sign makes the map agree with the sum of the activations over channels: see
    :func:`xaigt.explainers.principal.oriented`.

    Parameters
    ----------
    activations : Tensor[B, C, *grid]
        Activation of the stage.

    Returns
    -------
    Tensor[B, *grid]
    """
    return principal_map(activations)
