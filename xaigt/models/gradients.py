"""Weight gradients of large convolutions on tiny grids, as one matrix product.

The last stage of a ResNet18 has three quarters of its weights and, at 64 x 64 or 112 x 112, a grid of 2 x 2 or 4 x 4.
There torch's CPU kernel takes up to three times longer for the gradient of the weights than for the convolution
(docs/performance/models.md has the figures), and at depth 1 that is most of the work. Outputs and gradients of the
inputs stay torch's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

FEWEST_WEIGHTS, MOST_POSITIONS = 2**20, 16
"""Where the product was measured to be faster: kernels of 3 x 3, from so many weights on, up to so many outputs."""


@contextmanager
def quick_gradients(network: nn.Module) -> Iterator[None]:
    """Let the large convolutions of a network take the quick way within the block."""
    chosen = [part for part in network.modules() if isinstance(part, nn.Conv2d) and _fits(part)]
    for part in chosen:
        part.forward = partial(_forward, part)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for part in chosen:
            del part.forward


def _fits(part: nn.Conv2d) -> bool:
    plain = part.groups == 1 and part.dilation == (1, 1) and part.padding_mode == "zeros" and part.bias is None
    return plain and part.kernel_size == (3, 3) and part.padding == (1, 1) and part.weight.numel() >= FEWEST_WEIGHTS


def _forward(part: nn.Conv2d, inputs: Tensor) -> Tensor:
    grid = [(side - 1) // step + 1 for side, step in zip(inputs.shape[-2:], part.stride, strict=True)]
    wanted = torch.is_grad_enabled() and part.weight.requires_grad
    if not wanted or grid[0] * grid[1] > MOST_POSITIONS or inputs.ndim != 4:
        return functional.conv2d(inputs, part.weight, None, part.stride, part.padding)
    result: Tensor = Convolution.apply(inputs, part.weight, part.stride)
    return result


class Convolution(torch.autograd.Function):
    """Convolution of ``[B, C, H, W]`` with ``[K, C, 3, 3]`` at a stride, padded by one zero."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, stride: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.stride = stride
        return functional.conv2d(inputs, weight, None, stride, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (gradient,) = gradients
        inputs, weight = ctx.saved_tensors
        of_inputs = None
        if ctx.needs_input_grad[0]:
            of_inputs = conv2d_input(inputs.shape, weight, gradient, ctx.stride, 1)  # type: ignore[no-untyped-call]
        of_weight = weight_gradient(inputs, gradient, ctx.stride) if ctx.needs_input_grad[1] else None
        return of_inputs, of_weight, None


def weight_gradient(inputs: Tensor, gradient: Tensor, stride: tuple[int, int]) -> Tensor:
    """Gradient ``[K, C, 3, 3]``: that of the outputs, times the patch of the inputs that each output has seen."""
    count, channels = inputs.shape[:2]
    kernels, rows, columns = gradient.shape[1:]
    padded = functional.pad(inputs.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).contiguous()
    sample, down, right, _ = padded.stride()
    strides = (sample, down * stride[0], right * stride[1], down, right, 1)
    patches = padded.as_strided((count, rows, columns, 3, 3, channels), strides).reshape(-1, 9 * channels)
    product = gradient.permute(0, 2, 3, 1).reshape(-1, kernels).T @ patches
    return product.view(kernels, 3, 3, channels).permute(0, 3, 1, 2).contiguous()
