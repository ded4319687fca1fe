"""Training, side by side in one run: against a bare PyTorch loop, and depth 1 against full depth.

Run ``python tests/performance/models_training.py [--size 112] [--samples 256]``. It prints the table of
docs/performance/models.md. Every figure is the median of the epochs after the first, of loops that take turns.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.nn import functional

from xaigt.models import Settings, create
from xaigt.models.inputs import Images, Scaling
from xaigt.models.loop import Trainer, deterministic


def images(count: int, size: int, split: str) -> Images:
    """CT-like noise: what is learnt does not matter here."""
    rng = np.random.default_rng(len(split))
    pixels = rng.integers(0, 80, (count, size, size)).astype(np.int16)
    return Images(pixels, torch.arange(count) % 2, np.arange(count), split, Scaling(0.0, 80.0, 0.5, 0.3))


def bare(network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor, batch: int, epochs: int) -> list[float]:
    """Seconds of each epoch of the plainest loop: inputs ready in memory, no validation, no checkpoint."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-4)
    network.train()
    times = []
    for _ in range(epochs):
        start = time.perf_counter()
        order = torch.randperm(len(inputs))
        for chosen in order.split(batch):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.binary_cross_entropy_with_logits(network(inputs[chosen])[:, 0], targets[chosen].float())
            loss.backward()
            optimizer.step()
        times.append(time.perf_counter() - start)
    return times


class Timed(Trainer):
    """A trainer that notes how long training steps of each epoch take, and whole epochs."""

    def run_timed(self) -> tuple[list[float], list[float], float]:
        """Seconds of training steps, of whole epochs with validation and checkpoints, and until the first epoch."""
        steps: list[float] = []
        ends: list[float] = []
        begun = [0.0]
        validate, epoch, save = self._validate, self._epoch, self._save
        opened = time.perf_counter()

        def timed_epoch(*arguments: object) -> None:
            begun[0] = time.perf_counter()
            begins.append(begun[0])
            epoch(*arguments)  # type: ignore[arg-type]

        def timed_validate(*arguments: object) -> dict[str, float]:
            steps.append(time.perf_counter() - begun[0])
            return validate(*arguments)  # type: ignore[arg-type]

        def timed_save(*arguments: object) -> None:
            save(*arguments)  # type: ignore[arg-type]
            ends.append(time.perf_counter() - begun[0])

        begins: list[float] = []
        self._epoch, self._validate, self._save = timed_epoch, timed_validate, timed_save  # type: ignore[method-assign]
        self.run()
        return steps, ends, begins[0] - opened


def train(name: str, size: int, samples: int, epochs: int, depth: int | str) -> tuple[list[float], list[float], float]:
    """Times of one training of ours."""
    splits = {"train": images(samples, size, "train"), "val": images(samples // 4, size, "val")}
    network = create(name, dim=2, outputs=1, size=(size, size))
    settings = Settings(network=name, epochs=epochs, depth=depth)
    with tempfile.TemporaryDirectory() as folder:
        return Timed(network, splits, settings, Path(folder)).run_timed()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--samples", type=int, default=192)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", default="resnet18")
    given = parser.parse_args()
    threads = torch.get_num_threads()
    ours: list[float] = []
    theirs: list[float] = []
    full: list[float] = []
    shallow: list[float] = []
    opening: list[float] = []
    data = images(given.samples, given.size, "train")
    inputs = data.batch(slice(0, len(data)))
    loading = []
    with deterministic(threads):
        for _ in range(given.rounds):
            network = create(given.network, dim=2, outputs=1, size=(given.size, given.size))
            theirs += bare(network, inputs, data.targets, 32, given.epochs)[1:]
            steps, whole, _ = train(given.network, given.size, given.samples, given.epochs, "all")
            ours += steps[1:]
            full += whole[1:]
            _, whole, before = train(given.network, given.size, given.samples, given.epochs, 1)
            shallow += whole[1:]
            opening.append(before)
            start = time.perf_counter()
            for at in range(0, len(data), 32):
                data.batch(np.arange(at, min(at + 32, len(data))))
            loading.append(time.perf_counter() - start)
    print(f"{given.network}, {given.samples} images of {given.size} x {given.size}, {threads} threads")
    print("| what | ratio | seconds |")
    print("|---|---:|---:|")
    print(f"| training steps of an epoch / bare loop | {median(ours) / median(theirs):.3f} | {median(ours):.2f} |")
    print(f"| epoch at depth 1 / at full depth | {median(shallow) / median(full):.3f} | {median(shallow):.2f} |")
    once = median(opening) / median(full)
    print(f"| calibrating and caching the prefix, once / epoch at full depth | {once:.3f} | {median(opening):.2f} |")
    print(f"| loading an epoch / its training steps | {median(loading) / median(ours):.4f} | {median(loading):.3f} |")


if __name__ == "__main__":
    main()
