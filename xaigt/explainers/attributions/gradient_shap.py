"""GradientSHAP (Lundberg and Lee 2017, arXiv 1705.07874; expected gradients, Erion et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from xaigt.explainers.attributions.through import Channels, gradient, over_channels
from xaigt.explainers.draws import generators
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.view import Budget, Scorer


def gradient_shap(
    inputs: Tensor,
    score: Scorer,
    budget: Budget,
    context: Mapping[str, Tensor],
    *,
    samples: int = 25,
    noise: float = 0.0,
    seed: int = 0,
    channels: Channels = "sum",
) -> Tensor:
    """Mean of ``(x - r) G(r + u (x + noise - r))`` over random references r and u uniform in 0..1.

    captum draws from global generators, so its result hangs on the place in a batch. Here the draws hang on
    the seed and the sample alone; the gradients are captum's.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    context
        ``references``, Tensor[N, C, *size], from which r is drawn; zero without it.
    samples
        Draws a sample.
    noise
        Standard deviation of normal noise on the input.
    seed
        Another seed, other draws.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    references = context.get("references")
    references = torch.zeros_like(inputs[:1]) if references is None else references.to(inputs)
    if references.shape[1:] != inputs.shape[1:]:
        raise ExplainerError(
            f"context['references'] must be [N, {', '.join(map(str, inputs.shape[1:]))}], "
            f"not {tuple(references.shape)}"
        )
    limit = budget.rows(gradients=True)
    found = torch.zeros_like(inputs)
    for b, rng in enumerate(generators(inputs, seed, "gradient-shap")):
        chosen = references[torch.from_numpy(rng.integers(0, len(references), samples)).to(inputs.device)]
        shape = (samples, *[1] * (inputs.ndim - 1))
        share = torch.from_numpy(rng.uniform(0.0, 1.0, shape)).to(inputs)
        own = inputs[b : b + 1]
        if noise:
            own = own + torch.from_numpy(rng.normal(0.0, noise, (samples, *inputs.shape[1:]))).to(inputs)
        rows = torch.full((samples,), b, device=inputs.device)
        slopes = gradient(score, chosen + share * (own - chosen), rows, limit)
        found[b] = ((own - chosen) * slopes).mean(0)
    return over_channels(found, channels)
