"""Random-CAM: activations with random weights, the baseline for everything that weighs channels."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.explainers.draws import generators


def randomcam(activations: Tensor, inputs: Tensor, *, seed: int = 0) -> Tensor:
    """``sum_k w_k A_k`` with ``w_k`` uniform in [-1, 1).

    Parameters
    ----------
    activations : Tensor[B, C, *grid]
        Activation of the stage.
    inputs : Tensor[B, ...]
        The draw of a sample hangs on the seed and on its input alone, not on its place in a batch.
    seed
        Another seed, other weights.

    Returns
    -------
    Tensor[B, *grid]
    """
    drawn = [rng.uniform(-1.0, 1.0, activations.shape[1]) for rng in generators(inputs, seed, "randomcam")]
    weights = torch.stack([torch.from_numpy(w) for w in drawn]).to(activations)
    return torch.einsum("bc,bc...->b...", weights, activations)
