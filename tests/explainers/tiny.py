"""Tiny networks whose explanations can be computed by hand."""

from __future__ import annotations

import torch
from torch import nn

# Two channels on a 2 x 2 grid, the weights of class 1, and a bias of 1: the score is 1 + 5 - 1 = 5.
A = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]]]])
W = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[2.0, -1.0], [0.0, 1.0]]])


def deepen(t: torch.Tensor) -> torch.Tensor:
    """The same in 3-D: a second slice of zeros."""
    return torch.stack([t, torch.zeros_like(t)], dim=-3)


class Linear(nn.Module):
    """An identity stage, then one linear layer over channels and positions; class 0 is minus class 1."""

    def __init__(self, weights: torch.Tensor, bias: float = 1.0) -> None:
        super().__init__()
        self.stage = nn.Identity()
        self.head = nn.Linear(weights.numel(), 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.stack([-weights.flatten(), weights.flatten()]))
            self.head.bias.copy_(torch.tensor([-bias, bias]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.stage(x).flatten(1))


def cnn(dims: int, classes: int = 3, channels: int = 1, width: int = 6, seed: int = 0) -> nn.Module:
    """A small network with BatchNorm, in-place ReLUs, dropout and an overlapping max pooling."""
    conv = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
    norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims]
    pool = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}[dims]
    mean = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[dims]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential()
        net.add_module("conv1", conv(channels, width, 3, padding=1))
        net.add_module("bn1", norm(width))
        net.add_module("relu1", nn.ReLU(inplace=True))
        net.add_module("pool", pool(3, 2, 1))
        net.add_module("conv2", conv(width, width, 3, padding=1))
        net.add_module("relu2", nn.ReLU(inplace=True))
        net.add_module("drop", nn.Dropout(0.5))
        net.add_module("mean", mean(1))
        net.add_module("flat", nn.Flatten())
        net.add_module("head", nn.Linear(width, classes))
        net.train()
        with torch.no_grad():
            for _ in range(5):
                net(torch.randn(16, channels, *([8] * dims)) + 0.5)
    return net.eval()


def batch(dims: int, samples: int = 3, channels: int = 1, size: int = 8, seed: int = 1) -> torch.Tensor:
    return torch.randn(samples, channels, *([size] * dims), generator=torch.Generator().manual_seed(seed))
