"""Uniform noise: what a map without any information scores."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.explainers.draws import generators


def random_map(inputs: Tensor, *, seed: int = 0) -> Tensor:
    """Uniform in [0, 1), position by position; the draw hangs on the seed and the sample alone.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    seed
        Another seed, other maps.

    Returns
    -------
    Tensor[B, *size]
    """
    size = tuple(inputs.shape[2:])
    drawn = [torch.from_numpy(rng.random(size, "float32")) for rng in generators(inputs, seed, "random")]
    return torch.stack(drawn).to(inputs.device)
