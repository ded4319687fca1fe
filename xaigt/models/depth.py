"""How much of a network is trained: freezing, the modes of its parts, and statistics of random frozen stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from xaigt.models.errors import ModelError
from xaigt.models.network import Network

BatchNormPolicy = Literal["frozen", "adaptive"]
"""Of frozen stages. ``frozen``: the running statistics do not move. ``adaptive``: they follow the new data."""

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def set_depth(network: Network, depth: int | str) -> list[nn.Parameter]:
    """Freeze what lies below a depth.

    Parameters
    ----------
    network
        Changed in place: ``requires_grad`` of every parameter.
    depth
        Number of stages, counted from the head, that are trained, or ``"all"``; the head always is.

    Returns
    -------
    list of Parameter
        Those that are trained: an optimiser gets no others, since weight decay and momentum move weights that
        have no gradient.
    """
    frozen = network.frozen_count(depth)
    for position, (_, stage) in enumerate(network.stages):
        stage.requires_grad_(position >= frozen)
    network.head.requires_grad_(True)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def train_mode(network: Network, depth: int | str, batchnorm: BatchNormPolicy = "frozen") -> None:
    """Set trained stages to training mode and frozen stages to what the policy says.

    Frozen stages have no dropout and no stochastic depth under either policy.
    """
    if batchnorm not in ("frozen", "adaptive"):
        raise ModelError(f"batchnorm {batchnorm!r}: must be frozen or adaptive.")
    frozen = network.frozen_count(depth)
    network.train()
    for _, stage in network.stages[:frozen]:
        stage.eval()
        if batchnorm == "adaptive":
            for norm in batch_norms(stage):
                norm.train()


def constant(network: Network, depth: int | str, batchnorm: BatchNormPolicy = "frozen") -> set[str]:
    """Names in the network's ``state_dict`` of what training to a depth does not change."""
    frozen = [f"body.{name}." for name, _ in network.stages[: network.frozen_count(depth)]]
    moving = {name for name, _ in network.named_buffers()} if batchnorm == "adaptive" else set()
    return {name for name in network.state_dict() if name.startswith(tuple(frozen)) and name not in moving}


def batch_norms(module: nn.Module) -> list[nn.Module]:
    """Every batch normalisation with running statistics inside a module."""
    return [part for part in module.modules() if isinstance(part, _NORMS) and part.track_running_stats]


def calibrate(network: Network, frozen: int, batches: Iterable[Tensor]) -> int:
    """Set the statistics of the first `frozen` stages to those of the data, once.

    A random stage has running means of 0 and variances of 1, which are not those of what it computes: frozen so, it
    would be a network that nobody trains. The statistics become the plain average over the batches.

    Returns
    -------
    int
        How many normalisations were calibrated; 0 if there are none, and then nothing was computed.
    """
    norms = [norm for _, stage in network.stages[:frozen] for norm in batch_norms(stage)]
    if not norms:
        return 0
    with _averaging(norms), torch.no_grad():
        network.eval()
        for norm in norms:
            norm.train()
        for batch in batches:
            network.prefix(batch, frozen)
    network.eval()
    return len(norms)


@contextmanager
def _averaging(norms: list[nn.Module]) -> Iterator[None]:
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()  # type: ignore[operator]
        norm.momentum = None  # type: ignore[assignment]  # a cumulative average
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
