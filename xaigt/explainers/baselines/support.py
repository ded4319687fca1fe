"""The support as a constant: what knowing where anatomy is scores."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from xaigt.explainers.baselines.given import given


def support(inputs: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """1 where ``context["support"]`` is not zero, 0 elsewhere.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    context
        ``support``: where evidence could lie.

    Returns
    -------
    Tensor[B, *size]
    """
    return (given(context, "support", inputs, "support") != 0).float()
