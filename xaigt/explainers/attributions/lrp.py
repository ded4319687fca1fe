"""Layer-wise relevance propagation, epsilon rule (Bach et al. 2015, doi 10.1371/journal.pone.0130140)."""

from __future__ import annotations

import importlib
from typing import Any

from torch import Tensor, nn

from xaigt.explainers.attributions.rules import LINEAR, MAX_POOLS, PASSIVE, Types, attribute, prepared_score
from xaigt.explainers.attributions.through import Channels, captum_attr, over_channels
from xaigt.explainers.view import Budget, Scorer

_PASSED: Types = (nn.ReLU, nn.Dropout, nn.Tanh)


def lrp(
    inputs: Tensor, score: Scorer, budget: Budget, *, epsilon: float = 1e-9, channels: Channels = "sum"
) -> Tensor:
    """Relevance of the score, handed back layer by layer, by captum.

    The epsilon rule is on every linear layer, BatchNorm, pooling and sum of branches; with a small epsilon
    and ReLUs only, the result is input times gradient.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores; a network with an operation that has no rule is refused, with the name of the
        module.
    epsilon
        Stabiliser of the denominators.
    channels
        How the channels of the input become one map.

    Returns
    -------
    Tensor[B, *size]
    """
    captum = captum_attr()
    rules = importlib.import_module("captum.attr._utils.lrp_rules")
    module = prepared_score(score, inputs, "lrp", "lrp", (*LINEAR, *PASSIVE, *MAX_POOLS, *_PASSED))

    def ruled() -> Any:
        # captum takes the rules off again after every call.
        for leaf in module.modules():
            if not any(leaf.children()) and type(leaf) not in _PASSED:
                leaf.rule = rules.EpsilonRule(epsilon=epsilon)
        return captum.LRP(module)

    return over_channels(attribute(ruled, inputs, budget), channels)
