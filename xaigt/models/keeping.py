"""What a training keeps after each epoch, written beside the next one.

::

    frozen-0.safetensors      what a phase does not train, written once
    weights-0007.safetensors  what it trains, after an epoch: of the best one and of the last
    last.safetensors          the optimiser and how far the training is; names the other two as its parts
    best.safetensors          all weights of the best epoch, at the end

Each file appears whole or not at all, and ``last.safetensors`` is replaced when its parts are there: whenever the
process is killed, the last one names an epoch to go on from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from xaigt.models import checkpoint
from xaigt.models.errors import ModelError

BEST, LAST = "best.safetensors", "last.safetensors"


class Keeper:
    """Keeps the checkpoints of one training.

    Parameters
    ----------
    folder
        Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._constant: dict[str, Tensor] = {}
        self._parts: list[str] = []
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._pending: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is being written, also when the training was interrupted."""
        self._thread.shutdown(wait=True)

    def resume(self) -> tuple[dict[str, Tensor], Any] | None:
        """Return the last epoch that is kept, or None if there is none."""
        if not (self.folder / LAST).exists():
            return None
        tensors, state = checkpoint.load(self.folder / LAST)
        if "optimizer" not in state or not checkpoint.weights(tensors):
            raise ModelError(f"{self.folder / LAST}: is of another version of xaigt; train into another directory.")
        return tensors, state

    def open(self, network: nn.Module, constant: set[str], phase: int, *, begun: bool) -> None:
        """Begin a phase: write what it does not train, unless an earlier process did.

        Parameters
        ----------
        constant
            Names in the network's ``state_dict``.
        """
        self.wait()  # what is being written is of the phase before
        self._constant = {name: tensor for name, tensor in network.state_dict().items() if name in constant}
        self._parts = [f"frozen-{phase}.safetensors"] if constant else []
        if constant and not begun:
            checkpoint.save(self.folder / self._parts[0], self._constant)

    def save(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int, best: int, fit: Any, *,
        whole: bool, also: Callable[[], None],
    ) -> None:  # fmt: skip
        """Keep an epoch, as soon as the one before it is written.

        Parameters
        ----------
        epoch, best
            The epoch that has ended, and the best one so far.
        fit
            How far the training is, as plain data.
        whole
            Whether all weights are kept in a file of their own, too.
        also
            Writes what else belongs to the epoch.

        Raises
        ------
        ModelError
            If the epoch before could not be written.
        """
        self.wait()
        moved = {name: tensor for name, tensor in network.state_dict().items() if name not in self._constant}
        memory, rest = checkpoint.memory(optimizer)
        state = {"fit": fit, "optimizer": rest}
        job = partial(self._write, _copied(moved), _copied(memory), state, epoch, best, whole, also)
        self._pending = self._thread.submit(job)

    def _write(
        self, moved: Mapping[str, Tensor], memory: Mapping[str, Tensor], state: Any, epoch: int, best: int,
        whole: bool, also: Callable[[], None],
    ) -> None:  # fmt: skip
        name = _weights(epoch)
        checkpoint.save(self.folder / name, moved, {"epoch": epoch}, self._parts)
        if whole:
            path = self.folder / "epochs" / f"{epoch:04d}.safetensors"
            checkpoint.save(path, {**self._constant, **moved}, {"epoch": epoch})
        also()
        checkpoint.save(self.folder / LAST, memory, state, [name])
        for path in self.folder.glob("weights-*.safetensors"):
            if path.name not in (name, _weights(best)):
                path.unlink()

    def wait(self) -> None:
        """Wait until what was saved is written; its error, if it had one, is raised here."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def finish(self, best: int) -> dict[str, Tensor]:
        """Write all weights of the best epoch into one file; return them."""
        self.wait()
        tensors = checkpoint.load(self.folder / _weights(best))[0]
        checkpoint.save(self.folder / BEST, tensors, {"epoch": best})
        return tensors


def discard(folder: Path) -> None:
    """Remove what only an unfinished training needs."""
    (folder / LAST).unlink(missing_ok=True)
    for pattern in ("weights-*.safetensors", "frozen-*.safetensors"):
        for path in folder.glob(pattern):
            path.unlink()


def _weights(epoch: int) -> str:
    return f"weights-{epoch:04d}.safetensors"


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to memory that the next epoch does not change."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
