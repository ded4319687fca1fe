"""How fast networks train on this machine: steps on random numbers, at each depth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LEAST_SECONDS, MOST_STEPS = 0.5, 10
FIRST_BATCH = 2  # images of the first try, which large networks take long for


@dataclass(frozen=True)
class Speed:
    """Seconds an image.

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

    from xaigt.models.depth import set_depth, train_mode
    from xaigt.models.registry import create

    made = create(network, dim=len(size), outputs=1, size=size).to(device)
    parameters = set_depth(made, depth)
    train_mode(made, depth)
    frozen = made.frozen_count(depth)
    optimizer = torch.optim.AdamW(parameters, lr=1e-6)

    def batch(count: int) -> torch.Tensor:
        return torch.randn(count, 1, *size, device=device)

    def features(count: int) -> torch.Tensor:
        with torch.no_grad():
            return made.prefix(batch(count), frozen)

    def learn(given: torch.Tensor) -> None:
        optimizer.zero_grad()
        made.suffix(given, frozen).square().mean().backward()  # type: ignore[no-untyped-call]

    def update(_: torch.Tensor) -> None:
        optimizer.step()

    def forward(given: torch.Tensor) -> None:
        with torch.inference_mode():
            made(given)

    def prefix(given: torch.Tensor) -> None:
        with torch.inference_mode():
            made.prefix(given, frozen)

    steps = _seconds(learn, features, batch_size, device)
    # Once a batch, however many images: where few are timed, it would count for too much among them.
    steps += _timed(update, features(1), device, again=True) / batch_size
    made.eval()
    whole = _seconds(forward, batch, batch_size, device)
    return Speed(steps, whole, _seconds(prefix, batch, batch_size, device) if frozen else 0.0)


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
