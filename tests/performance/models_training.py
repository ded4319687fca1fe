"""Training, side by side in one run: against a bare PyTorch loop, and depth 1 against full depth.

Run ``python tests/performance/models_training.py [--size 112] [--samples 192]``. It prints the table of
docs/performance/models.md. Each training of ours runs between two epochs of a bare PyTorch loop, and ratios are
taken of such neighbours; every figure is a median over several rounds, so that a slow spell of the machine does not
decide.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

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


class Bare:
    """The plainest loop: inputs ready in memory, no validation, no checkpoint. Each call is an epoch, in seconds."""

    def __init__(self, network: torch.nn.Module, data: Images, batch: int = 32) -> None:
        self.network, self.batch = network.train(), batch
        self.inputs, self.targets = data.batch(slice(0, len(data))), data.targets.float()
        self.optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-4)

    def __call__(self) -> float:
        """Train for an epoch."""
        start = time.perf_counter()
        for chosen in torch.randperm(len(self.inputs)).split(self.batch):
            self.optimizer.zero_grad(set_to_none=True)
            loss = functional.binary_cross_entropy_with_logits(
                self.network(self.inputs[chosen])[:, 0], self.targets[chosen]
            )
            loss.backward()
            self.optimizer.step()
        return time.perf_counter() - start


class Timed(Trainer):
    """A trainer that notes when its epochs begin and end.

    Attributes
    ----------
    bare
        Seconds of an epoch of the bare loop, mean of one before and one after.
    steps
        Seconds of the training steps of each epoch.
    whole
        Seconds of an epoch with validation and checkpoints: from the beginning of the first to the moment when the last
        one is on the disk, over their number.
    opening
        Seconds before the first epoch: calibrating and caching a frozen prefix.
    """

    def measure(self, clock: Bare) -> Timed:
        """Train to the end."""
        self.steps: list[float] = []
        before, start = clock(), time.perf_counter()
        self.opening = 0.0
        self.run()
        self.opening -= start
        self.bare = (before + clock()) / 2
        return self

    def _epoch(self, *arguments: Any) -> None:
        self.began = time.perf_counter()
        self.opening = self.opening or self.began
        super()._epoch(*arguments)

    def _validate(self, *arguments: Any) -> dict[str, float]:
        self.steps.append(time.perf_counter() - self.began)
        return super()._validate(*arguments)

    def _finish(self) -> None:
        self.keeper.wait()
        self.whole = [(time.perf_counter() - self.opening) / len(self.steps)]
        super()._finish()


def train(name: str, size: int, samples: int, epochs: int, depth: int | str, clock: Bare) -> Timed:
    """One training of ours, timed."""
    splits = {"train": images(samples, size, "train"), "val": images(samples // 4, size, "val")}
    network = create(name, dim=2, outputs=1, size=(size, size))
    settings = Settings(network=name, epochs=epochs, depth=depth)
    with tempfile.TemporaryDirectory() as folder:
        return Timed(network, splits, settings, Path(folder)).measure(clock)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--samples", type=int, default=192)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", default="resnet18")
    given = parser.parse_args()
    threads = torch.get_num_threads()
    data = images(given.samples, given.size, "train")
    full: list[Timed] = []
    shallow: list[Timed] = []
    loading = []
    with deterministic(threads):
        clock = Bare(create(given.network, dim=2, outputs=1, size=(given.size, given.size)), data)
        clock()  # the first epoch also fills caches
        for _ in range(given.rounds):
            for depth, runs in (("all", full), (1, shallow)):
                runs.append(train(given.network, given.size, given.samples, given.epochs, depth, clock))
            start = time.perf_counter()
            for at in range(0, len(data), 32):
                data.batch(np.arange(at, min(at + 32, len(data))))
            loading.append(time.perf_counter() - start)
    steps, part_steps = shares(full, "steps"), shares(shallow, "steps")
    whole, part = shares(full, "whole"), shares(shallow, "whole")
    bare = median([run.bare for run in full + shallow])
    print(
        f"{given.network}, {given.samples} images of {given.size} x {given.size}, {threads} threads, {given.rounds} "
        f"rounds of {given.epochs} epochs; a bare epoch takes {bare:.2f} s; in brackets the quartiles"
    )
    print("| what | ratio |")
    print("|---|---:|")
    print(f"| training steps of an epoch / bare loop | {told(steps)} |")
    print(f"| epoch at full depth, with validation and checkpoints / bare loop | {told(whole)} |")
    print(f"| epoch at depth 1, with both / bare loop | {told(part)} |")
    print(f"| training steps at depth 1 / at full depth | {median(part_steps) / median(steps):.3f} |")
    print(f"| epoch at depth 1 / at full depth | {median(part) / median(whole):.3f} |")
    opening = median([run.opening for run in shallow]) / bare / median(whole)
    print(f"| calibrating and caching the prefix, once / epoch at full depth | {opening:.3f} |")
    print(f"| loading an epoch / its training steps | {median(loading) / bare / median(steps):.4f} |")


def shares(runs: list[Timed], what: str) -> list[float]:
    """Each time over that of the bare epochs beside it."""
    return [own / run.bare for run in runs for own in getattr(run, what)]


def told(values: list[float]) -> str:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return f"{median(values):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
