"""The truth: what no explanation can beat."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from xaigt.explainers.baselines.given import given


def oracle(inputs: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """1 where ``context["lesion"]`` is not zero, 0 elsewhere.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    context
        ``lesion``: the mask of the evidence for the target.

    Returns
    -------
    Tensor[B, *size]
    """
    return (given(context, "lesion", inputs, "oracle") != 0).float()
