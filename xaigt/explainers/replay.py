"""Rerun only what follows a stage, with another activation in its place, for any model and without tracing.

In one forward pass the outputs of the modules that finish before the stage are recorded; of those, only the
outermost matter. In a rerun they return what they returned, repeated for the rows of the rerun; the stage
returns the activation it is given, and everything else (modules behind the stage, functional code anywhere)
runs. A first rerun with the unchanged activation must give the recorded score. If it does not, the rows of a
record become copies of their own (code that writes into them needs that); if that does not help (a model
whose modules do not keep samples apart), whole forward passes are used instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from xaigt.explainers.capture import first_tensor, with_first_tensor
from xaigt.explainers.stages import Stage
from xaigt.explainers.targets import Resolved, logits_of

Record = tuple[nn.Module, Any, bool]


class Replay:
    """The tail of a model behind a stage.

    Parameters
    ----------
    model
        Borrowed model.
    stage
        The stage.
    inputs : Tensor[B, C, *size]
        Batch.
    target
        What is scored.
    max_memory
        Bytes that the rows of one rerun may take, by the sizes seen in the recording.

    Attributes
    ----------
    raw : Tensor[B, ...]
        The stage's activation as its module gives it.
    reference : Tensor[B]
        Scores of the unchanged inputs.
    whole : bool
        Whether whole forward passes had to be used.
    """

    def __init__(
        self, model: nn.Module, stage: Stage, inputs: Tensor, target: Resolved, max_memory: int
    ) -> None:
        self.model, self.stage, self.inputs, self.target = model, stage, inputs, target
        self.whole = False
        device = inputs.device.type
        self._autocast = (device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))
        self._copying = False
        self._records: list[Record] = []
        with torch.no_grad():
            written = self._record(frozenset())
            if written:
                self._records = []  # let the first recording go before the second
                self._record(written)
            self.reference = target.scores(self._logits)
            self._check()
        row = self._row_bytes
        if self._copying:
            row += sum(_bytes(output) for _, output, mutated in self._records if mutated) // len(inputs)
        self.rows = int(max(1, max_memory // max(1, row)))

    def _record(self, copied: frozenset[int]) -> frozenset[int]:
        """Run once and record; copy the calls that are known to be written into; tell which those are."""
        records: list[tuple[int, nn.Module, Any, list[tuple[Tensor, int]]]] = []
        starts: list[int] = []
        call = [0]
        finished = False
        largest = 0

        def before(module: nn.Module, args: Any) -> None:
            starts.append(len(records))

        def after(module: nn.Module, args: Any, output: Any) -> None:
            nonlocal finished, largest
            start = starts.pop()
            if finished:
                largest = max(largest, _bytes(output))
                return
            del records[start:]
            if module is self.stage.module:
                self.raw = first_tensor(output, self.stage.name).detach().clone()
                self._output = output
                finished = True
                return
            call[0] += 1
            kept = tree_map_only(Tensor, torch.clone, output) if call[0] in copied else output
            seen: list[tuple[Tensor, int]] = []
            tree_map_only(Tensor, lambda t: seen.append((t, t._version)), output)
            records.append((call[0], module, kept, seen))

        handles = []
        for path, module in self.model.named_modules():
            if "parametrizations" not in path and module is not self.model:
                handles.append(module.register_forward_pre_hook(before))
                handles.append(module.register_forward_hook(after))
        try:
            self._logits = logits_of(self.model(self.inputs)).detach()
        finally:
            for handle in handles:
                handle.remove()
        # A record that something wrote into, then or later, must be a copy of what was there before.
        written = {number for number, _, _, seen in records if any(t._version != v for t, v in seen)}
        self._records = [(module, kept, number in written) for number, module, kept, _ in records]
        samples = self.inputs.shape[0]
        stage_bytes = _bytes(self.raw) + _bytes(self.inputs)
        self._row_bytes = (3 * max(largest, _bytes(self.raw)) + stage_bytes) // samples
        return frozenset(written)

    def scores(self, sample: int, activation: Tensor) -> Tensor:
        """Scores, Tensor[N], of a sample with its stage's activation replaced by each of Tensor[N, ...].

        The caller keeps N at or below ``rows``.
        """
        with torch.no_grad():
            return self._run(sample, activation)

    def _check(self) -> None:
        """Find the cheapest way of rerunning that reproduces the score of a sample."""
        finite = self.raw.flatten(1).isfinite().all(1) & self.reference.isfinite()
        sample = int(finite.int().argmax())
        if not bool(finite[sample]) or self._reproduces(sample):
            return
        self._copying = True  # code behind the stage may write into what is handed out
        if not self._reproduces(sample):
            self._copying, self.whole = False, True

    def _reproduces(self, sample: int) -> bool:
        same = self.raw[sample : sample + 1].expand(2, *self.raw.shape[1:]).contiguous()
        try:
            found = self._run(sample, same)
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False
        tolerance = 1e-4 if self.raw.dtype in (torch.float32, torch.float64) else 2e-2
        scale = self._logits[sample].abs().max().clamp(min=1.0).float()
        return bool(((found - self.reference[sample]).abs() <= tolerance * scale).all())

    def _run(self, sample: int, activation: Tensor) -> Tensor:
        count = activation.shape[0]
        rows = torch.full((count,), sample, device=self.inputs.device)
        inputs = self.inputs[sample : sample + 1].expand(count, *self.inputs.shape[1:])
        device, dtype, enabled = self._autocast
        with self._replaying(sample, activation), torch.autocast(device, dtype=dtype, enabled=enabled):
            return self.target.scores(logits_of(self.model(inputs)), rows)

    @contextmanager
    def _replaying(self, sample: int, activation: Tensor) -> Iterator[None]:
        samples, count = self.inputs.shape[0], activation.shape[0]

        def repeat(t: Tensor, copy: bool) -> Tensor:
            if t.ndim == 0 or t.shape[0] % samples:
                return t.clone() if copy else t
            block = t.shape[0] // samples
            own = t[sample * block : (sample + 1) * block]
            if block == 1 and not copy:
                return own.expand(count, *t.shape[1:])
            return own.repeat(count, *([1] * (t.ndim - 1)))

        queues: dict[nn.Module, list[Callable[[], Any]]] = {}
        if not self.whole:
            for module, output, mutated in self._records:
                recall = partial(
                    tree_map_only, Tensor, partial(repeat, copy=mutated and self._copying), output
                )
                queues.setdefault(module, []).append(recall)
        others = tree_map_only(Tensor, partial(repeat, copy=False), self._output)
        queues[self.stage.module] = [partial(with_first_tensor, others, activation)]
        originals = {module: module.__dict__.get("forward") for module in queues}
        try:
            for module, queue in queues.items():
                module.__dict__["forward"] = _replayed(module.forward, queue)
            yield
        finally:
            for module, original in originals.items():
                del module.__dict__["forward"]
                if original is not None:
                    module.__dict__["forward"] = original


def _replayed(forward: Callable[..., Any], queue: list[Callable[[], Any]]) -> Callable[..., Any]:
    pending = list(queue)

    def replayed(*args: Any, **kwargs: Any) -> Any:
        return pending.pop(0)() if pending else forward(*args, **kwargs)

    return replayed


def _bytes(output: Any) -> int:
    total = 0

    def count(t: Tensor) -> None:
        nonlocal total
        total += t.numel() * t.element_size()

    tree_map_only(Tensor, count, output)
    return total
