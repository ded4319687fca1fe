"""Which networks there are, and how one is built: the table imports neither MONAI nor timm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xaigt.errors import nearest
from xaigt.models.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from xaigt.models.network import Network


@dataclass(frozen=True)
class Spec:
    """What is known of a network before it is built.

    Attributes
    ----------
    family
        Whose implementation: ``monai``, ``timm`` or ``xaigt``.
    dims
        Numbers of spatial axes it can have.
    smallest
        Shortest side of an input that it takes.
    imagenet
        Name of the timm weights that fit its 2-D form; "" for none.
    medicalnet
        Name of the MedicalNet weights that fit its 3-D form; "" for none.
    """

    family: str
    dims: tuple[int, ...] = (2, 3)
    smallest: int = 32
    imagenet: str = ""
    medicalnet: str = ""


NETWORKS: dict[str, Spec] = {
    "small": Spec("xaigt", smallest=16),
    "resnet10": Spec("monai", medicalnet="resnet_10_23dataset"),
    "resnet18": Spec("monai", imagenet="resnet18.tv_in1k", medicalnet="resnet_18_23dataset"),
    "resnet34": Spec("monai", imagenet="resnet34.tv_in1k", medicalnet="resnet_34_23dataset"),
    "resnet50": Spec("monai", imagenet="resnet50.tv_in1k", medicalnet="resnet_50_23dataset"),
    "densenet121": Spec("monai", imagenet="densenet121.tv_in1k"),
    "densenet169": Spec("monai", imagenet="densenet169.tv_in1k"),
    "densenet201": Spec("monai", imagenet="densenet201.tv_in1k"),
    "efficientnet-b0": Spec("monai", imagenet="tf_efficientnet_b0.in1k"),
    "efficientnet-b1": Spec("monai", imagenet="tf_efficientnet_b1.in1k"),
    "efficientnet-b2": Spec("monai", imagenet="tf_efficientnet_b2.in1k"),
    "efficientnet-b3": Spec("monai", imagenet="tf_efficientnet_b3.in1k"),
    "efficientnet-b4": Spec("monai", imagenet="tf_efficientnet_b4.in1k"),
    "seresnet50": Spec("monai"),
    "vit-s16": Spec("monai"),
    "vit-b16": Spec("monai"),
    "efficientnetv2-s": Spec("timm", (2,), imagenet="tf_efficientnetv2_s.in21k_ft_in1k"),
    "vgg16": Spec("timm", (2,), imagenet="vgg16.tv_in1k"),
    "inception-v3": Spec("timm", (2,), smallest=75, imagenet="inception_v3.tv_in1k"),
    "resnetv2-50": Spec("timm", (2,), imagenet="resnetv2_50.a1h_in1k"),
    "axialnet": Spec("xaigt", (3,)),
}


def names(dim: int | None = None) -> list[str]:
    """Names of the networks, all or those of a number of spatial axes."""
    return [name for name, spec in NETWORKS.items() if dim is None or dim in spec.dims]


def spec(name: str, dim: int) -> Spec:
    """What is known of a network.

    Raises
    ------
    ModelError
        If there is no such network, or not with so many spatial axes.
    """
    if name not in NETWORKS:
        raise ModelError(f"no network {name!r}: {nearest(name, NETWORKS)}.")
    found = NETWORKS[name]
    if dim not in found.dims:
        raise ModelError(f"network {name} has no {dim}-D form; networks with one: {', '.join(names(dim))}.")
    return found


def create(name: str, *, dim: int, outputs: int, size: tuple[int, ...], channels: int = 1, seed: int = 0) -> Network:
    """Build a network with random weights of a seed.

    Parameters
    ----------
    name
        One of :func:`names`.
    dim
        2 or 3.
    outputs
        Number of logits.
    size
        Spatial shape of its inputs.
    channels
        Channels of its inputs.
    seed
        Of the weights; the state of torch's own generator is left as it was.

    Raises
    ------
    ModelError
        If there is no such network, or it does not take inputs of this size.
    """
    return assemble(name, source(name, dim=dim, outputs=outputs, size=size, channels=channels, seed=seed), dim)


def source(name: str, *, dim: int, outputs: int, size: tuple[int, ...], channels: int = 1, seed: int = 0) -> nn.Module:
    """Build the network of its library, not yet cut into stages: published weights fit its names."""
    import torch

    found = spec(name, dim)
    if len(size) != dim:
        raise ModelError(f"network {name}: a {dim}-D input has {dim} sides, not {size}.")
    sides = size[1:] if name == "axialnet" else size
    if min(sides) < found.smallest:
        raise ModelError(f"network {name}: every side of the input must be {found.smallest} or more, not {size}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if found.family == "monai":
            from xaigt.models.zoo import monai_networks

            return monai_networks.source(name, dim, channels, outputs, size)
        if found.family == "timm":
            from xaigt.models.zoo import timm_networks

            return timm_networks.source(name, dim, channels, outputs, size)
        if name == "axialnet":
            from xaigt.models.zoo.axial import axialnet

            return axialnet(dim, channels, outputs, size)
        from xaigt.models.zoo.small import small

        return small(dim, channels, outputs, size)


def assemble(name: str, network: nn.Module, dim: int) -> Network:
    """Cut a network of :func:`source` into stages."""
    from xaigt.models.network import Network, without_inplace

    without_inplace(network)
    family = spec(name, dim).family
    if family == "monai":
        from xaigt.models.zoo import monai_networks

        return monai_networks.staged(network, dim)
    if family == "timm":
        from xaigt.models.zoo import timm_networks

        return timm_networks.staged(name, network)
    assert isinstance(network, Network)
    return network
