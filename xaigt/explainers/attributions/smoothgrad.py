"""SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825)."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.explainers.attributions.through import Channels, gradient, over_channels
from xaigt.explainers.draws import generators
from xaigt.explainers.view import Budget, Scorer


def smoothgrad(
    inputs: Tensor,
    score: Scorer,
    budget: Budget,
    *,
    samples: int = 25,
    noise: float = 0.1,
    signed: bool = False,
    seed: int = 0,
    channels: Channels = "sum",
) -> Tensor:
    """Magnitude of the mean gradient over noisy copies of the input.

    The draws hang on the seed and the sample alone; the gradients are captum's.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    samples
        Copies of each input.
    noise
        Standard deviation as a share of the input's range (largest minus smallest value).
    signed
        Keep the sign of the mean.
    seed
        Another seed, other noise.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    limit = budget.rows(gradients=True)
    found = torch.zeros_like(inputs)
    for b, rng in enumerate(generators(inputs, seed, "smoothgrad")):
        spread = noise * float(inputs[b].max() - inputs[b].min())
        for start in range(0, samples, limit):
            count = min(limit, samples - start)
            drawn = rng.standard_normal((count, *inputs.shape[1:]))
            rows = torch.full((count,), b, device=inputs.device)
            points = inputs[b : b + 1] + spread * torch.from_numpy(drawn).to(inputs)
            found[b] += gradient(score, points, rows, limit).sum(0)
    found = found / samples
    return over_channels(found if signed else found.abs(), channels)
