"""How fast networks train on this machine, and how much arithmetic that is: steps on random numbers, at each depth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LEAST_SECONDS, MOST_STEPS = 0.5, 10
FIRST_BATCH = 2  # images of the first try, which large networks take long for


@dataclass(frozen=True)
class Speed:
    """Seconds an image, or floating-point operations.

    Attributes
    ----------
    step
        Forward, backward and optimiser, of what a depth trains.
    forward
        Of the whole network.
    prefix
        Of what a depth leaves frozen, which is computed once and kept.
    """

    step: float
    forward: float
    prefix: float


def measure(network: str, depth: int | str, size: tuple[int, ...], batch_size: int, device: str = "cpu") -> Speed:
    """Time a network at a depth.

    Parameters
    ----------
    size
        Of an image, in pixels or voxels.
    batch_size
        Images a step; fewer are timed where steps are long.
    """
    import torch

    one = _Passes(network, depth, size, device)
    optimizer = torch.optim.AdamW(one.parameters, lr=1e-6)
    steps = _seconds(one.learn, one.features, batch_size, device)
    # Once a batch, however many images: where few are timed, it would count for too much among them.
    steps += _timed(lambda _: optimizer.step(), one.features(1), device, again=True) / batch_size
    one.network.eval()
    whole = _seconds(one.forward, one.batch, batch_size, device)
    return Speed(steps, whole, _seconds(one.prefix, one.batch, batch_size, device) if one.frozen else 0.0)


def count(network: str, depth: int | str, size: tuple[int, ...]) -> Speed:
    """Count the operations of a network at a depth; nothing is computed.

    Parameters
    ----------
    size
        Of an image, in pixels or voxels.
    """
    from xaigt.studies.work import Counter

    one = _Passes(network, depth, size, "meta")

    def counted(function: Callable, given: Any) -> float:  # type: ignore[type-arg]
        with Counter() as counter:
            function(given)
        return counter.total / FIRST_BATCH

    step = counted(one.learn, one.features(FIRST_BATCH))
    one.network.eval()
    images = one.batch(FIRST_BATCH)
    return Speed(step, counted(one.forward, images), counted(one.prefix, images) if one.frozen else 0.0)


class _Passes:
    """What training does with a network at a depth, on random numbers."""

    def __init__(self, network: str, depth: int | str, size: tuple[int, ...], device: str) -> None:
        from xaigt.models.depth import set_depth, train_mode
        from xaigt.models.registry import create

        self.size, self.device = size, device
        self.network = create(network, dim=len(size), outputs=1, size=size).to(device)
        self.parameters = set_depth(self.network, depth)
        train_mode(self.network, depth)
        self.frozen = self.network.frozen_count(depth)

    def batch(self, count: int) -> Any:
        import torch

        return torch.randn(count, 1, *self.size, device=self.device)

    def features(self, count: int) -> Any:
        import torch

        with torch.no_grad():
            return self.network.prefix(self.batch(count), self.frozen)

    def learn(self, given: Any) -> None:
        for parameter in self.parameters:
            parameter.grad = None
        self.network.suffix(given, self.frozen).square().mean().backward()  # type: ignore[no-untyped-call]

    def forward(self, given: Any) -> None:
        import torch

        with torch.inference_mode():
            self.network(given)

    def prefix(self, given: Any) -> None:
        import torch

        with torch.inference_mode():
            self.network.prefix(given, self.frozen)


def _seconds(function: Callable, make: Callable, batch_size: int, device: str) -> float:  # type: ignore[type-arg]
    """Seconds an image, by batches of the size that is asked for, or of two images where those take long enough."""
    first = _timed(function, few := make(FIRST_BATCH), device, again=True)
    if first >= LEAST_SECONDS:
        return first / len(few)
    given, times = make(batch_size), [0.0]
    _timed(function, given, device)
    while sum(times) < LEAST_SECONDS and len(times) <= MOST_STEPS:
        times.append(_timed(function, given, device))
    return sum(times) / (len(times) - 1) / batch_size


def _timed(function: Callable, given: Any, device: str, *, again: bool = False) -> float:  # type: ignore[type-arg]
    """Seconds of one call; `again`: of the second, as the first warms up."""
    import torch

    if again:
        function(given)
    clock = time.perf_counter()
    function(given)
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter() - clock
