"""The networks of the compatibility table, with random weights, and the stage that each is read at.

Until ``xaigt.models`` has a zoo, they are built here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Network:
    """A network of the table: how to build it, an input size, and a stage as a dotted name."""

    build: Callable[[], nn.Module]
    size: tuple[int, ...]
    stage: str
    channels: int = 1
    settled: bool = False


def monai(name: str, dims: int, **arguments: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        from monai.networks import nets

        spatial = {"spatial_dims": dims}
        if name.startswith("ResNet"):
            return nets.resnet18(**spatial, n_input_channels=1, num_classes=3)
        if name.startswith("ViT"):
            size = (32,) * dims
            return nets.ViT(
                in_channels=1,
                img_size=size,
                patch_size=8,
                hidden_size=96,
                mlp_dim=192,
                num_layers=4,
                num_heads=4,
                classification=True,
                num_classes=3,
                post_activation=None,
                **spatial,
            )
        if name.startswith("EfficientNet"):
            return nets.EfficientNetBN(
                "efficientnet-b0", pretrained=False, in_channels=1, num_classes=3, **spatial
            )
        if name.startswith("SEResNet"):
            return nets.SEResNet50(in_channels=1, num_classes=3, **spatial)
        return nets.DenseNet121(in_channels=1, out_channels=3, **spatial)

    return build


def timm(name: str, **arguments: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import timm as library

        return library.create_model(name, num_classes=3, in_chans=1, **arguments)

    return build


NETWORKS: dict[str, Network] = {
    "MONAI ResNet18, 2-D": Network(monai("ResNet18", 2), (64, 64), "layer3"),
    "MONAI ResNet18, 3-D": Network(monai("ResNet18", 3), (32, 32, 32), "layer3"),
    "MONAI DenseNet121, 2-D": Network(monai("DenseNet121", 2), (64, 64), "features.denseblock3"),
    "MONAI DenseNet121, 3-D": Network(monai("DenseNet121", 3), (32, 32, 32), "features.denseblock3"),
    "MONAI EfficientNet-B0, 2-D": Network(monai("EfficientNet", 2), (64, 64), "_blocks.4"),
    "MONAI EfficientNet-B0, 3-D": Network(monai("EfficientNet", 3), (32, 32, 32), "_blocks.4"),
    "MONAI SEResNet50, 2-D": Network(monai("SEResNet50", 2), (64, 64), "layer3"),
    "MONAI SEResNet50, 3-D": Network(monai("SEResNet50", 3), (32, 32, 32), "layer3"),
    "MONAI ViT, 2-D": Network(monai("ViT", 2), (32, 32), "blocks.2"),
    "MONAI ViT, 3-D": Network(monai("ViT", 3), (32, 32, 32), "blocks.2"),
    "timm EfficientNetV2-S": Network(timm("tf_efficientnetv2_s"), (64, 64), "blocks.5"),
    "timm VGG16": Network(timm("vgg16"), (64, 64), "features.29"),
    "timm Inception-v3": Network(timm("inception_v3"), (128, 128), "Mixed_6e", settled=True),
    "timm ResNetV2-50": Network(timm("resnetv2_50"), (64, 64), "stages.2"),
    "timm ViT-Tiny": Network(timm("vit_tiny_patch16_224", img_size=64), (64, 64), "blocks.10"),
    "timm Swin-Tiny": Network(
        timm("swin_tiny_patch4_window7_224", img_size=64, window_size=2), (64, 64), "layers.2"
    ),
}


def build(name: str) -> tuple[nn.Module, torch.Tensor, str]:
    """A network with fixed random weights, in eval mode, with a batch of two and its stage."""
    network = NETWORKS[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = network.build()
        inputs = torch.randn(2, network.channels, *network.size)
        if network.settled:
            settle(model, torch.randn(8, network.channels, *network.size))
    return model.eval(), inputs, network.stage


def settle(model: nn.Module, inputs: torch.Tensor) -> None:
    """Let BatchNorm see the inputs: untrained networks without its statistics blow their logits up."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # the mean over passes
    with torch.no_grad():
        for _ in range(3):
            model.train()(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
