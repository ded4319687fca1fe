"""What the attributions share: captum's gradients in bounded chunks, and one map from many channels."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xaigt.explainers.errors import ExplainerError

Channels = Literal["sum", "l2", "absmax"]


def captum_attr() -> Any:
    """Import ``captum.attr``, or say how to get it."""
    try:
        return importlib.import_module("captum.attr")
    except ImportError:
        raise ExplainerError("this attribution runs through captum: pip install captum") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out captum's warnings about hooks that it sets and inputs that it changes: both are undone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*[Ss]etting .*hooks")
        warnings.filterwarnings("ignore", message=r".*required_grads has not been set.*")
        warnings.filterwarnings("ignore", message=r".*Input Tensor.*did not already require gradients.*")
        warnings.filterwarnings("ignore", message=r".*Internal batch size cannot be less.*")
        yield


def over_channels(attributions: Tensor, channels: Channels) -> Tensor:
    """One map, Tensor[B, *size], from attributions of every input channel, Tensor[B, C, *size].

    ``sum`` keeps signs and totals; ``l2`` is the norm; ``absmax`` the value of the largest magnitude.
    """
    attributions = attributions.detach()
    if attributions.dtype in (torch.float16, torch.bfloat16):
        attributions = attributions.float()
    if channels == "sum":
        return attributions.sum(1)
    if channels == "l2":
        return attributions.square().sum(1).sqrt()
    if channels == "absmax":
        return attributions.gather(1, attributions.abs().argmax(1, keepdim=True))[:, 0]
    raise ExplainerError(f"channels={channels!r}: use 'sum', 'l2' or 'absmax'")


def gradient(score: nn.Module, points: Tensor, rows: Tensor, limit: int) -> Tensor:
    """Gradient of the score at points, Tensor[N, C, *size], in chunks of at most ``limit`` rows."""
    saliency = captum_attr().Saliency(score)
    found = []
    with quiet():
        for part, own in zip(torch.split(points, limit), torch.split(rows, limit), strict=True):
            leaf = part.detach().clone().requires_grad_()
            found.append(saliency.attribute(leaf, additional_forward_args=(own,), abs=False).detach())
    return torch.cat(found)


def every_row(inputs: Tensor) -> Tensor:
    """Give the row of each sample, Tensor[B]."""
    return torch.arange(len(inputs), device=inputs.device)


def reference_input(context: Any, inputs: Tensor) -> Tensor:
    """Give the input that stands for absence: ``context["reference"]`` [B or 1, C, *size], or zero."""
    reference = context.get("reference") if context else None
    if reference is None:
        return torch.zeros_like(inputs)
    try:
        return reference.to(inputs).expand_as(inputs).contiguous()  # type: ignore[no-any-return]
    except RuntimeError:
        raise ExplainerError(
            f"context['reference'] has shape {tuple(reference.shape)}, which does not fit inputs of "
            f"{tuple(inputs.shape)}"
        ) from None
