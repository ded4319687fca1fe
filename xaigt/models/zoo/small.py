"""A small strided convolutional network for quick runs and tests."""

from __future__ import annotations

from typing import Any

from torch import nn

from xaigt.models.network import Network

CHANNELS = (16, 32, 64, 128)


def small(dim: int, channels: int, outputs: int, size: tuple[int, ...]) -> Network:
    """Four blocks of 3x3 convolution (stride 2), batch normalisation and ReLU; global average pooling; linear."""
    conv, norm, pool = _layers(dim)
    stages: list[tuple[str, nn.Module]] = []
    before = channels
    for number, width in enumerate(CHANNELS, start=1):
        block = nn.Sequential(conv(before, width, 3, stride=2, padding=1, bias=False), norm(width), nn.ReLU())
        stages.append((f"block{number}", block))
        before = width
    return Network(stages, nn.Sequential(pool(1), nn.Flatten(), nn.Linear(before, outputs)), dim)


def _layers(dim: int) -> tuple[Any, Any, Any]:
    if dim == 2:
        return nn.Conv2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d
    return nn.Conv3d, nn.BatchNorm3d, nn.AdaptiveAvgPool3d
