"""MONAI's classification networks, cut into stages without a change of their function."""

from __future__ import annotations

import torch
from monai.networks import nets
from torch import Tensor, nn

from xaigt.models.errors import ModelError
from xaigt.models.network import Network

RESNETS = {"resnet10": nets.resnet10, "resnet18": nets.resnet18, "resnet34": nets.resnet34, "resnet50": nets.resnet50}
DENSENETS = {"densenet121": nets.DenseNet121, "densenet169": nets.DenseNet169, "densenet201": nets.DenseNet201}
VITS = {"vit-s16": (384, 1536, 6), "vit-b16": (768, 3072, 12)}
"""Width, width of the hidden layer, heads; 12 blocks, patches of 16 (Dosovitskiy 2021, Touvron 2021)."""


def source(name: str, dim: int, channels: int, outputs: int, size: tuple[int, ...]) -> nn.Module:
    """Build MONAI's own network: the one whose state dict has the names of published weights."""
    if name in RESNETS:
        # MedicalNet's 3-D networks have shortcuts of type A below 50 layers; torchvision's have no bias there.
        shortcut = "A" if dim == 3 and name in ("resnet18", "resnet34") else "B"
        return RESNETS[name](
            spatial_dims=dim,
            n_input_channels=channels,
            num_classes=outputs,
            shortcut_type=shortcut,
            bias_downsample=False,
            conv1_t_stride=2,  # as in the published networks; MONAI's default of 1 quadruples their cost
        )
    if name in DENSENETS:
        return DENSENETS[name](spatial_dims=dim, in_channels=channels, out_channels=outputs)
    if name.startswith("efficientnet"):
        network = nets.EfficientNetBN(
            name, pretrained=False, spatial_dims=dim, in_channels=channels, num_classes=outputs
        )
        network.set_swish(memory_efficient=False)  # its autograd function has no second derivative
        return network
    if name == "seresnet50":
        return nets.SEResNet50(spatial_dims=dim, in_channels=channels, num_classes=outputs)
    width, hidden, heads = VITS[name]
    if any(count % 16 for count in size):
        raise ModelError(f"{name}: every side of the input must be a multiple of 16, not {size}.")
    return nets.ViT(
        channels, size, 16, width, hidden, 12, heads, classification=True, num_classes=outputs,
        dropout_rate=0.1, spatial_dims=dim, post_activation="", qkv_bias=True,
    )  # fmt: skip


def staged(network: nn.Module, dim: int) -> Network:
    """Cut a network of :func:`source` into stages; modules are shared, not copied."""
    parts = dict(network.named_children())
    if isinstance(network, nets.ViT):
        return _staged_vit(network, dim)
    if "class_layers" in parts:
        return _staged_densenet(parts, dim)
    if "_blocks" in parts:
        return _staged_efficientnet(parts, dim)
    layers = [(name, parts[name]) for name in ("layer1", "layer2", "layer3", "layer4")]
    if "layer0" in parts:  # SENet
        head = nn.Sequential(parts["adaptive_avg_pool"], nn.Flatten(), parts["last_linear"])
        return Network([("layer0", parts["layer0"]), *layers], head, dim)
    stem = nn.Sequential(parts["conv1"], parts["bn1"], nn.ReLU(), parts["maxpool"])
    return Network([("stem", stem), *layers], nn.Sequential(parts["avgpool"], nn.Flatten(), parts["fc"]), dim)


def _staged_densenet(parts: dict[str, nn.Module], dim: int) -> Network:
    features = dict(parts["features"].named_children())
    stages: list[tuple[str, nn.Module]] = [
        ("stem", nn.Sequential(*(features[name] for name in ("conv0", "norm0", "relu0", "pool0"))))
    ]
    for number in (1, 2, 3):
        block = nn.Sequential(features[f"denseblock{number}"], features[f"transition{number}"])
        stages.append((f"block{number}", block))
    stages.append(("block4", nn.Sequential(features["denseblock4"], features["norm5"], nn.ReLU())))
    head = dict(parts["class_layers"].named_children())
    return Network(stages, nn.Sequential(head["pool"], head["flatten"], head["out"]), dim)


def _staged_efficientnet(parts: dict[str, nn.Module], dim: int) -> Network:
    stem = nn.Sequential(parts["_conv_stem_padding"], parts["_conv_stem"], parts["_bn0"], nn.SiLU())
    stages: list[tuple[str, nn.Module]] = [("stem", stem)]
    stages += [(f"stage{number}", block) for number, block in enumerate(parts["_blocks"].children(), start=1)]
    top = nn.Sequential(parts["_conv_head_padding"], parts["_conv_head"], parts["_bn1"], nn.SiLU())
    head = nn.Sequential(parts["_avg_pooling"], nn.Flatten(), parts["_dropout"], parts["_fc"])
    return Network([*stages, ("top", top)], head, dim)


class _Embedding(nn.Module):
    """Patches to tokens, with position and class token."""

    def __init__(self, vit: nets.ViT) -> None:
        super().__init__()
        self.patch_embedding, self.cls_token = vit.patch_embedding, vit.cls_token

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embedding(x)
        return torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)


class _ClassToken(nn.Module):
    """Last normalisation, then the linear layer on the class token."""

    def __init__(self, vit: nets.ViT) -> None:
        super().__init__()
        self.norm, self.linear = vit.norm, vit.classification_head

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(x)[:, 0])


def _staged_vit(vit: nets.ViT, dim: int) -> Network:
    blocks = [(f"block{number}", block) for number, block in enumerate(vit.blocks, start=1)]
    return Network([("embedding", _Embedding(vit)), *blocks], _ClassToken(vit), dim)
