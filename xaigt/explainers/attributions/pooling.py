"""Max pooling with overlapping windows, written so that captum's DeepLift rule is right for it.

captum hands a pooled value's contribution back by ``max_unpool``, which keeps one value a position: where
windows overlap and share their maximum, the others are lost, and contributions no longer sum to the
difference of scores. Laying the windows side by side first is the same pooling without overlap.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MaxPool = nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d
_FLOOR = -1e30  # stands for the border: finite, so that its difference to itself is 0


class Windows(nn.Module):
    """Lay the windows of a max pooling side by side.

    Parameters
    ----------
    pool
        The max pooling.
    """

    def __init__(self, pool: MaxPool) -> None:
        super().__init__()
        dims = {nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3}[type(pool)]
        kernel, stride, padding, dilation = (
            _axes(value, dims) for value in (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        )
        self.axes = list(zip(kernel, stride, padding, dilation, strict=True))
        self.ceil = pool.ceil_mode

    def forward(self, inputs: Tensor) -> Tensor:
        """Tensor[B, C, *size] to Tensor[B, C, *(windows times kernel)]."""
        for axis, (kernel, stride, padding, dilation) in enumerate(self.axes, start=2):
            length = inputs.shape[axis]
            span = dilation * (kernel - 1) + 1
            room = length + 2 * padding - span
            count = (-(-room // stride) if self.ceil else room // stride) + 1
            if self.ceil and (count - 1) * stride >= length + padding:
                count -= 1
            after = max(0, (count - 1) * stride + span - length - padding)
            pads = [0, 0] * (inputs.ndim - 1 - axis) + [padding, after]
            padded = functional.pad(inputs, pads, value=_FLOOR)
            starts = torch.arange(count, device=inputs.device)[:, None] * stride
            picked = starts + torch.arange(kernel, device=inputs.device) * dilation
            inputs = padded.index_select(axis, picked.flatten())
        return inputs

    @property
    def overlap(self) -> bool:
        """Whether any two windows share a position, or a window has gaps."""
        return any(stride < kernel or dilation > 1 for kernel, stride, _, dilation in self.axes)


def separated(pool: MaxPool) -> nn.Module:
    """Give the same pooling with windows that do not overlap."""
    windows = Windows(pool)
    if not windows.overlap:
        return pool
    kernel = tuple(axis[0] for axis in windows.axes)
    return nn.Sequential(windows, type(pool)(kernel if len(kernel) > 1 else kernel[0])).eval()


def _axes(value: int | tuple[int, ...], dims: int) -> tuple[int, ...]:
    return (value,) * dims if isinstance(value, int) else tuple(value) * (dims // len(value) or 1)
