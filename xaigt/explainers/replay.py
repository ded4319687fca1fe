"""Rerun only what follows a stage, with another activation in its place, for any model and without tracing.

In one forward pass the outputs of the modules that finish before the stage are recorded; of those, only
the outermost matter. In a rerun they return what they returned, repeated for the rows of the rerun, the stage
returns the activation it is given, and everything else (modules behind the stage, functional code anywhere)
runs. The first rerun carries the unchanged activation as one of its rows: if its score is not the recorded
one (a model whose modules do not keep samples apart, say), whole forward passes are used instead.
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
        self._checked = False
        with torch.no_grad():
            self._record(copies=False)
            if any(mutated for _, _, mutated in self._records):
                self._record(copies=True)
        self.reference = target.scores(self._logits)
        self.rows = int(max(1, max_memory // max(1, self._row_bytes)))

    def _record(self, copies: bool) -> None:
        records: list[tuple[nn.Module, Any, list[tuple[Tensor, int]]]] = []
        starts: list[int] = []
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
            kept = tree_map_only(Tensor, torch.clone, output) if copies else output
            seen: list[tuple[Tensor, int]] = []
            tree_map_only(Tensor, lambda t: seen.append((t, t._version)), output)
            records.append((module, kept, seen))

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
        # A record that something wrote into, then or later, must be a copy, and be handed out as copies.
        self._records = [(m, kept, any(t._version != v for t, v in seen)) for m, kept, seen in records]
        samples = self.inputs.shape[0]
        stage_bytes = _bytes(self.raw) + _bytes(self.inputs)
        self._row_bytes = (3 * max(largest, _bytes(self.raw)) + stage_bytes) // samples

    def scores(self, sample: int, activation: Tensor) -> Tensor:
        """Scores, Tensor[N], of a sample with its stage's activation replaced by each of Tensor[N, ...].

        The caller keeps N at or below ``rows``.
        """
        with torch.no_grad():
            if not self._checked:
                self._check(sample)
            return self._run(sample, activation)

    def _check(self, sample: int) -> None:
        self._checked = True
        same = self.raw[sample : sample + 1].expand(2, *self.raw.shape[1:])
        expected = self.reference[sample].expand(2)
        try:
            found = self._run(sample, same.contiguous())
        except (RuntimeError, ValueError, TypeError, IndexError):
            self.whole = True
        else:
            tolerance = 1e-4 if self.raw.dtype in (torch.float32, torch.float64) else 2e-2
            scale = self._logits[sample].abs().max().clamp(min=1.0).float()
            self.whole = not bool(((found - expected).abs() <= tolerance * scale).all())

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
                recall = partial(tree_map_only, Tensor, partial(repeat, copy=mutated), output)
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
