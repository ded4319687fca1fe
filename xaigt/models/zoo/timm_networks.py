"""timm's 2-D networks, cut into stages without a change of their function."""

from __future__ import annotations

import timm
from torch import nn

from xaigt.models.network import Network

TIMM = {
    "efficientnetv2-s": "tf_efficientnetv2_s",
    "vgg16": "vgg16",
    "inception-v3": "inception_v3",
    "resnetv2-50": "resnetv2_50",
}


def source(name: str, dim: int, channels: int, outputs: int, size: tuple[int, ...]) -> nn.Module:
    """Build timm's own network with random weights."""
    return timm.create_model(TIMM[name], pretrained=False, in_chans=channels, num_classes=outputs)


def staged(name: str, network: nn.Module) -> Network:
    """Cut a network of :func:`source` into stages; modules are shared, not copied."""
    parts = dict(network.named_children())
    if name == "efficientnetv2-s":
        # Numbers as in the literature on its CAMs: stage 4 is blocks[3], stage 7 the last 1 x 1 convolution.
        stages: list[tuple[str, nn.Module]] = [("stem", nn.Sequential(parts["conv_stem"], parts["bn1"]))]
        stages += [(f"stage{number}", block) for number, block in enumerate(parts["blocks"].children(), start=1)]
        stages.append(("stage7", nn.Sequential(parts["conv_head"], parts["bn2"])))
        return Network(stages, nn.Sequential(parts["global_pool"], parts["classifier"]), 2)
    if name == "vgg16":
        return _vgg(parts)
    if name == "inception-v3":
        groups = {
            "stem1": ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
            "stem2": ("Pool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
            "mixed5": ("Pool2", "Mixed_5b", "Mixed_5c", "Mixed_5d"),
            "mixed6": ("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
            "mixed7": ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
        }
        cut = [(stage, nn.Sequential(*(parts[member] for member in members))) for stage, members in groups.items()]
        return Network(cut, nn.Sequential(parts["global_pool"], parts["head_drop"], parts["fc"]), 2)
    blocks = list(parts["stages"].children())
    named: list[tuple[str, nn.Module]] = [("stem", parts["stem"])]
    named += [(f"stage{number}", block) for number, block in enumerate(blocks[:-1], start=1)]
    named.append((f"stage{len(blocks)}", nn.Sequential(blocks[-1], parts["norm"])))  # pre-activation: ends in ReLU
    return Network(named, parts["head"], 2)


def _vgg(parts: dict[str, nn.Module]) -> Network:
    """Five blocks; a pooling opens the block after it, so that a block's output has its own resolution."""
    stages: list[tuple[str, nn.Module]] = []
    block: list[nn.Module] = []
    for layer in parts["features"].children():
        if isinstance(layer, nn.MaxPool2d):
            stages.append((f"block{len(stages) + 1}", nn.Sequential(*block)))
            block = []
        block.append(layer)
    return Network(stages, nn.Sequential(*block, parts["pre_logits"], parts["head"]), 2)
