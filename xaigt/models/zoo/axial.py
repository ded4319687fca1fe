"""A slice network for volumes, after AxialNet (Draelos and Carin, arXiv 2011.08891).

Each slice goes through a 2-D ResNet18 trunk and four 3 x 3 convolutions (512-64-32-16-16); one linear layer, shared
by the slices, gives a logit a slice and label, and the logits are averaged over slices. So the sum over positions
of HiResCAM at the last stage is the logit less its bias. Unlike the original, a slice is one channel, not three
neighbouring slices.
"""

from __future__ import annotations

import math
from itertools import pairwise

from monai.networks import nets
from torch import Tensor, nn

from xaigt.models.network import Network

WIDTHS = (512, 64, 32, 16, 16)


class Slicewise(nn.Module):
    """Run a 2-D module on every slice of a volume ``[B, C, D, H, W]``."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, slices, height, width = x.shape
        y = self.module(x.transpose(1, 2).reshape(batch * slices, channels, height, width))
        return y.reshape(batch, slices, *y.shape[1:]).transpose(1, 2)


class SliceLogits(nn.Module):
    """One linear layer a slice, then the mean of the logits over slices."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.transpose(1, 2).flatten(2)).mean(1)


def axialnet(dim: int, channels: int, outputs: int, size: tuple[int, ...]) -> Network:
    """Build the network for volumes of `size` (slices, rows, columns)."""
    trunk = nets.resnet18(
        spatial_dims=2, n_input_channels=channels, num_classes=2, bias_downsample=False, conv1_t_stride=2
    )
    parts = dict(trunk.named_children())
    stages = [("stem", nn.Sequential(parts["conv1"], parts["bn1"], nn.ReLU(), parts["maxpool"]))]
    stages += [(name, parts[name]) for name in ("layer1", "layer2", "layer3", "layer4")]
    layers: list[nn.Module] = []
    for before, after in pairwise(WIDTHS):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    stages.append(("reduce", nn.Sequential(*layers)))
    height, width = (_after_stride_32(count) for count in size[1:])
    head = SliceLogits(math.prod((WIDTHS[-1], height, width)), outputs)
    return Network([(name, Slicewise(module)) for name, module in stages], head, dim)


def _after_stride_32(count: int) -> int:
    """Length of an axis after the five halvings of a ResNet, each rounding up."""
    for _ in range(5):
        count = (count + 1) // 2
    return count
