"""DeepLift, rescale rule (Shrikumar et al. 2017, arXiv 1704.02685)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from xaigt.explainers.attributions.rules import LINEAR, MAX_POOLS, PASSIVE, Types, attribute, prepared_score
from xaigt.explainers.attributions.through import Channels, captum_attr, over_channels, reference_input
from xaigt.explainers.view import Budget, Scorer

_RESCALED: Types = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus)


def deeplift(
    inputs: Tensor,
    score: Scorer,
    budget: Budget,
    context: Mapping[str, Tensor],
    *,
    channels: Channels = "sum",
) -> Tensor:
    """Contributions of the difference to a reference, by captum; their total is the difference of scores.

    captum takes the plain gradient of what it has no rule for (SiLU, GELU, LayerNorm, products of branches)
    and says nothing; here such a network is refused, with the name of the module.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    context
        ``reference``, Tensor[B or 1, C, *size]; zero without it.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    known = (*LINEAR, *PASSIVE, *MAX_POOLS, *_RESCALED)
    module = prepared_score(score, inputs, "deeplift", "deeplift", known)
    reference = reference_input(context, inputs)
    return over_channels(
        attribute(lambda: captum_attr().DeepLift(module), inputs, budget, baselines=reference), channels
    )
