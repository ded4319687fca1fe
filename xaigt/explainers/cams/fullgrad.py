"""FullGrad (Srinivas and Fleuret 2019, arXiv 1905.00780)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from xaigt.explainers.postprocessing import postprocess
from xaigt.explainers.view import Budget, Scorer

_CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def implicit_bias(module: nn.Module) -> Tensor | None:
    """Give what a convolution or BatchNorm in eval mode adds, Tensor[C], or None where it adds nothing."""
    if isinstance(module, _CONVOLUTIONS):
        return None if module.bias is None else module.bias.detach()
    if (
        isinstance(module, _BATCH_NORMS)
        and module.running_mean is not None
        and module.running_var is not None
    ):
        shift = module.running_mean * (module.running_var + module.eps).rsqrt()
        bias = -shift if module.weight is None else -shift * module.weight.detach()
        return bias if module.bias is None else bias + module.bias.detach()
    return None


def fullgrad(
    inputs: Tensor,
    score: Scorer,
    budget: Budget,
    progress: Callable[[int], None],
    *,
    signed: bool = False,
    chunk: int | None = None,
) -> Tensor:
    """Input gradient and the gradients of all biases of convolutions and BatchNorms, at input resolution.

    Parameters
    ----------
    inputs : Tensor[B, C, *size]
        Batch.
    score
        Inputs to scores.
    signed
        False: the saliency of the paper: the magnitude of every channel of ``x G`` and ``b G``, scaled to
        0..1 by its smallest and largest value, resized, and summed. True: the sum of the signed terms; each
        layer's is resized so that its total stays. Where everything behind the input is piecewise linear and
        no linear layer has a bias, its total is the score (up to what linear resizing changes at borders).
    chunk
        Samples in a pass; by default what ``max_memory`` allows. The result does not hang on it.

    Returns
    -------
    Tensor[B, *size]
    """
    step = chunk or budget.rows(gradients=True)
    parts = []
    for start in range(0, len(inputs), step):
        part = inputs[start : start + step]
        parts.append(
            _fullgrad(part, score, torch.arange(start, start + len(part), device=part.device), signed)
        )
        progress(len(part))
    return torch.cat(parts)


def _fullgrad(inputs: Tensor, score: Scorer, rows: Tensor, signed: bool) -> Tensor:
    total = torch.zeros(len(inputs), *inputs.shape[2:], device=inputs.device)

    def add(terms: Tensor) -> None:
        size = inputs.shape[2:]
        if terms.ndim != inputs.ndim:
            return  # no grid: a bias behind pooling says nothing of place
        terms = terms.float()
        if signed:
            share = terms.shape[2:].numel() / size.numel()
            total.add_(postprocess(terms.sum(1), size, sign="signed"), alpha=share)
        else:
            for channels in torch.split(terms.abs(), 64, 1):
                scaled = postprocess(channels.flatten(0, 1), None, sign="signed", normalize="minmax")
                resized = postprocess(scaled, size, sign="signed").reshape(*channels.shape[:2], *size)
                total.add_(resized.sum(1))

    def hook(module: nn.Module, args: Any, output: Tensor) -> None:
        bias = implicit_bias(module)
        if bias is not None and isinstance(output, Tensor) and output.requires_grad:
            shaped = bias.reshape(1, -1, *([1] * (output.ndim - 2)))
            # A tensor's hook sees the gradient of what the module gave, also if a ReLU then overwrites it.
            output.register_hook(lambda gradient: add(gradient * shaped))  # type: ignore[no-untyped-call]

    handles = [m.register_forward_hook(hook) for m in score.modules() if implicit_bias(m) is not None]
    leaf = inputs.detach().requires_grad_()
    try:
        (gradient,) = torch.autograd.grad(score(leaf, rows).sum(), leaf)
    finally:
        for handle in handles:
            handle.remove()
    add(gradient * inputs)
    return total
