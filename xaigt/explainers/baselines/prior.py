"""The mean training mask: what knowing where lesions tend to be scores."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from xaigt.explainers.baselines.given import given


def prior(inputs: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """``context["prior"]``, the mean of the masks of the training set, the same for every sample.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    context
        ``prior``: share of training samples with a lesion at a position.

    Returns
    -------
    Tensor[B, *size]
    """
    return given(context, "prior", inputs, "prior").float().clone()
