"""Processor time of a training step of 32 images: depth 1 against full depth, with and without the fused optimiser.

Run ``python tests/performance/models_steps.py [--sizes 64,112,128,224]``. It prints a table of
docs/performance/models.md. Processor time, of one thread, hardly depends on what else a machine does;
tests/performance/models_training.py takes the time of whole epochs by the clock.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch
from torch.nn import functional

from xaigt.models import create, set_depth, train_mode
from xaigt.models.loop import deterministic

BATCH = 32


def step_seconds(name: str, size: int, depth: int | str, *, fused: bool, channels_last: bool, steps: int) -> float:
    """Median processor time of a step on the outputs of the frozen stages."""
    network = create(name, dim=2, outputs=1, size=(size, size))
    parameters = set_depth(network, depth)
    train_mode(network, depth)
    frozen = network.frozen_count(depth)
    with torch.no_grad():
        inputs = network.prefix(torch.rand(BATCH, 1, size, size), frozen).clone()
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    targets = (torch.arange(BATCH) % 2).float()
    optimizer = torch.optim.AdamW(parameters, 1e-3, weight_decay=1e-4, fused=fused)
    times = []
    for _ in range(steps + 1):  # the first fills caches
        start = time.process_time()
        optimizer.zero_grad(set_to_none=True)
        logits = network.suffix(inputs, frozen)[:, 0]
        functional.binary_cross_entropy_with_logits(logits, targets).backward()
        optimizer.step()
        times.append(time.process_time() - start)
    return median(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="64,112,128,224")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--network", default="resnet18")
    given = parser.parse_args()
    kinds = {
        "plain": {"fused": False, "channels_last": False},
        "channels last": {"fused": False, "channels_last": True},
        "fused optimiser, as in training": {"fused": True, "channels_last": False},
    }
    print("| size | kind | full depth, s | depth 1, s | ratio |\n|---|---|---:|---:|---:|")
    with deterministic(1):
        for size in map(int, given.sizes.split(",")):
            for kind, how in kinds.items():
                whole = step_seconds(given.network, size, "all", steps=given.steps, **how)
                part = step_seconds(given.network, size, 1, steps=given.steps, **how)
                print(f"| {size} | {kind} | {whole:.3f} | {part:.3f} | {part / whole:.3f} |", flush=True)


if __name__ == "__main__":
    main()
