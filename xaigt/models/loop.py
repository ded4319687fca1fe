"""The training loop: deterministic by seed, resumable after any epoch to the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaigt.models import checkpoint, curves
from xaigt.models.augmentation import augment
from xaigt.models.depth import calibrate, constant, set_depth, train_mode
from xaigt.models.errors import ModelError
from xaigt.models.evaluation import summary
from xaigt.models.features import Source, cached
from xaigt.models.heads import check_classes, class_weights, loss_of, probabilities
from xaigt.models.inputs import Images
from xaigt.models.keeping import BEST, LAST, Keeper
from xaigt.models.network import Network
from xaigt.models.settings import Settings, precision_of
from xaigt.randomness import stream, subseed

Progress = Callable[[int, int], None]
CURVES, PICTURE = "curves.csv", "curves.png"
CALIBRATION_BATCHES = 64


@dataclass
class Fit:
    """State of a training, as a checkpoint keeps it."""

    epoch: int = 0  # epochs that are done
    best_epoch: int = 0
    best_loss: float = math.inf
    calibrated: int = 0
    matched: bool | None = None  # regime `same`: whether the target accuracy was reached
    stopped: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return plain data; JSON has no infinity."""
        best = None if math.isinf(self.best_loss) else self.best_loss
        return self.__dict__ | {"best_loss": best, "history": list(self.history)}

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Fit:
        """Inverse of :meth:`to_json`."""
        return cls(**data | {"best_loss": math.inf if data["best_loss"] is None else data["best_loss"]})


class Trainer:
    """Train a network on two splits, in a folder that holds its checkpoints and curves.

    Parameters
    ----------
    network
        Initialised by its arm; changed in place.
    splits
        ``train`` and ``val``, scaled.
    settings
        What decides the training.
    folder
        Where checkpoints go; a training found there goes on.
    random
        Whether the stages are random, so that the statistics of frozen ones are calibrated.
    """

    def __init__(
        self, network: Network, splits: dict[str, Images], settings: Settings, folder: Path, *,
        device: str = "cpu", random: bool = True,
    ) -> None:  # fmt: skip
        self.network, self.splits, self.settings, self.folder = network, splits, settings, folder
        self.device, self.random = torch.device(device), random
        self.half = precision_of(settings, device) == "bfloat16"
        self.channels_last = self.device.type == "cuda" and network.dim == 2
        for split in ("train", "val"):
            check_classes(splits[split].targets, split, settings.labels)
        targets = splits["train"].targets
        outputs = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
        weights = class_weights(settings.head, targets, outputs) if settings.class_weights else None
        self.loss = loss_of(settings.head, None if weights is None else weights.to(self.device))
        self.targets = {split: images.targets.to(self.device) for split, images in splits.items()}
        self.fit = Fit()

    def run(self, progress: Progress | None = None) -> Fit:
        """Train to the end, from wherever the folder's last checkpoint is; the best weights are loaded then.

        Raises
        ------
        ModelError
            If the loss is no longer finite, or a checkpoint cannot be written. What was good is kept.
        """
        self.network.to(self.device)
        if self.channels_last:
            self.network.to(memory_format=torch.channels_last)
        with Keeper(self.folder) as self.keeper:
            self._phases(progress)
            self._finish()
        if progress is not None:
            total = self.settings.total_epochs * len(self.splits["train"])
            progress(total, total)
        return self.fit

    def _phases(self, progress: Progress | None) -> None:
        found = self._resume()
        start, total = 0, self.settings.total_epochs
        samples = len(self.splits["train"])
        for phase, (depth, epochs) in enumerate(self.settings.phases()):
            if self.fit.epoch >= start + epochs or self.fit.stopped:
                start += epochs
                continue
            begun = self.fit.epoch > start
            optimizer, sources = self._open(depth)
            if found is not None and begun:
                checkpoint.restore(optimizer, *found)
            found = None
            unchanged = constant(self.network, depth, self.settings.batchnorm)
            self.keeper.open(self.network, unchanged, phase, begun=begun)
            for within in range(self.fit.epoch - start, epochs):
                report = _reporter(progress, self.fit.epoch * samples, total * samples)
                self._epoch(optimizer, sources, phase, depth, within, epochs, report)
                last = phase == len(self.settings.phases()) - 1
                self.fit.stopped = self._enough(last, start)
                self._save(optimizer)
                if self.fit.stopped:
                    break
            start += epochs

    def _resume(self) -> tuple[dict[str, Tensor], Any] | None:
        """Go to where the folder's last epoch is; return the memory of its optimiser."""
        found = self.keeper.resume()
        if found is None:
            return None
        tensors, state = found
        self.fit = Fit.of_json(state["fit"])
        self.network.load_state_dict(checkpoint.weights(tensors))
        return tensors, state["optimizer"]

    def _open(self, depth: int | str) -> tuple[torch.optim.Optimizer, dict[str, Source]]:
        """Optimiser and inputs of a phase: a new phase starts a new optimiser."""
        frozen = self.network.frozen_count(depth)
        if self.random and frozen and self.fit.epoch == 0:
            train, size = self.splits["train"], self.settings.batch_size
            starts = range(0, len(train), size)[:CALIBRATION_BATCHES]
            batches = (train.batch(slice(at, at + size), self.device) for at in starts)
            self.fit.calibrated = calibrate(self.network, frozen, batches)
        parameters = set_depth(self.network, depth)
        sources: dict[str, Source] | None = None
        if frozen and not self.settings.augment and self.settings.batchnorm == "frozen":
            sources = cached(
                self.network, self.splits, frozen, limit=self.settings.cache_bytes // 2, folder=self.folder,
                batch_size=self.settings.batch_size, device=self.device,
            )  # fmt: skip
        self.frozen = frozen if sources is not None else 0
        return _optimizer(parameters, self.settings), sources or dict(self.splits)

    def _epoch(
        self, optimizer: torch.optim.Optimizer, sources: dict[str, Source], phase: int, depth: int | str,
        within: int, epochs: int, report: Callable[[int], None],
    ) -> None:  # fmt: skip
        settings, number = self.settings, self.fit.epoch + 1
        rate = settings.learning_rate
        if settings.annealing == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * within / epochs))
        for group in optimizer.param_groups:
            group["lr"] = rate
        train_mode(self.network, depth, settings.batchnorm)
        order = stream(settings.seed, number, "order").permutation(len(self.splits["train"]))
        rng = stream(settings.seed, number, "augmentation")
        total, seen = torch.zeros((), device=self.device), 0
        with _seeded(subseed(stream(settings.seed, number, "dropout")), self.device):
            for start in range(0, len(order), settings.batch_size):
                chosen = order[start : start + settings.batch_size]
                if len(chosen) == 1 and len(order) > 1:
                    continue  # batch normalisation has no variance of one sample
                batch = self._prepared(sources["train"].batch(chosen, self.device))
                if settings.augment:
                    batch = augment(batch, rng, self.splits["train"].scaling.background)
                optimizer.zero_grad(set_to_none=True)
                loss = self.loss(self._logits(batch), self.targets["train"][torch.from_numpy(chosen).to(self.device)])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.detach() * len(chosen)
                seen += len(chosen)
                report(seen)
        train_loss = float(total) / max(seen, 1)
        if not math.isfinite(train_loss):
            raise ModelError(self._diverged(number, "training"))
        self.fit.history.append(
            {"epoch": number, "phase": phase, "depth": depth, "learning_rate": rate, "train_loss": train_loss}
            | self._validate(sources["val"], number)
        )
        self.fit.epoch = number

    def _validate(self, source: Source, number: int) -> dict[str, float]:
        logits = self.logits(source)
        loss = float(self.loss(logits, self.targets["val"]))
        if not math.isfinite(loss):
            raise ModelError(self._diverged(number, "validation"))
        chances = probabilities(self.settings.head, logits.float()).cpu().numpy()
        found = summary(chances, self.splits["val"].targets.numpy(), self.settings.head == "multi-label")
        return {"val_loss": loss, "val_accuracy": float(found["accuracy"]), "val_auc": float(found["auc"])}

    def logits(self, source: Source) -> Tensor:
        """Logits of everything a source has, in evaluation mode."""
        self.network.eval()
        step = self.settings.batch_size
        with torch.inference_mode():
            parts = [
                self._logits(self._prepared(source.batch(slice(at, min(at + step, len(source))), self.device)))
                for at in range(0, len(source), step)
            ]
        return torch.cat(parts).float()

    def _logits(self, batch: Tensor) -> Tensor:
        if not self.half:
            return self.network.suffix(batch, self.frozen)
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.network.suffix(batch, self.frozen)

    def _prepared(self, batch: Tensor) -> Tensor:
        if self.channels_last and batch.ndim == 4:
            return batch.contiguous(memory_format=torch.channels_last)
        return batch

    def _enough(self, last_phase: bool, start: int) -> bool:
        """Keep what is best so far; say whether training should end now."""
        row, fit = self.fit.history[-1], self.fit
        if self.settings.regime == "same":
            target = self.settings.target_accuracy or 1.0
            fit.matched = row["val_accuracy"] >= target
            if fit.matched or row["val_loss"] < fit.best_loss:
                self._keep(row)
            return fit.matched
        if row["val_loss"] < fit.best_loss:
            self._keep(row)
        waited = row["epoch"] - max(fit.best_epoch, start)
        return last_phase and 0 < self.settings.patience <= waited

    def _keep(self, row: dict[str, Any]) -> None:
        self.fit.best_loss, self.fit.best_epoch = row["val_loss"], row["epoch"]

    def _save(self, optimizer: torch.optim.Optimizer) -> None:
        fit = self.fit
        write_curves = partial(curves.write_csv, list(fit.history), self.folder / CURVES)
        self.keeper.save(
            self.network, optimizer, fit.epoch, fit.best_epoch, fit.to_json(), whole=self.settings.keep_epochs,
            also=write_curves,
        )  # fmt: skip

    def _finish(self) -> None:
        self.frozen = 0
        self.network.load_state_dict(self.keeper.finish(self.fit.best_epoch))
        self.network.eval()

    def _diverged(self, number: int, what: str) -> str:
        kept = "no epoch was finished"
        if self.fit.epoch:
            self.keeper.finish(self.fit.best_epoch)
            kept = (
                f"epoch {self.fit.epoch} is kept in {self.folder / LAST}, "
                f"the best one ({self.fit.best_epoch}) in {self.folder / BEST}"
            )
        return (
            f"{self.folder}: the {what} loss of epoch {number} is not finite: the training diverged; {kept}. "
            f"Try a lower --lr than {self.settings.learning_rate:g}, in another directory."
        )


def _optimizer(parameters: list[torch.nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
    """Optimiser whose step is one pass over memory (``fused``): in many small ones it takes a third of a step."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=settings.momentum, weight_decay=decay, fused=True)
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, rate, weight_decay=decay, fused=True)


def _reporter(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    if progress is None:
        return lambda seen: None
    return lambda seen: progress(before + seen, total)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's own generators (dropout, stochastic depth) and put their state back."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed % 2**63)
        yield


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Fix torch to deterministic algorithms and a number of threads, and put both back."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    count = torch.get_num_threads()
    switches: Any = torch.utils.deterministic
    memory = switches.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    switches.fill_uninitialized_memory = False  # costs time, and nothing reads such memory
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(count)
        switches.fill_uninitialized_memory = memory
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def as_numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Values of a tensor on any device."""
    return tensor.detach().cpu().numpy()
