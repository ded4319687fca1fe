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


class Recording:
    """Outputs of the outermost modules that finish before a stage, taken from the forward pass run inside.

    Parameters
    ----------
    model
        Borrowed model.
    stage
        The stage.
    copied
        Numbers of the calls whose output is to be copied, for they are known to be written into.

    Attributes
    ----------
    raw : Tensor[B, ...]
        The stage's activation as its module gives it.
    output
        All that its module gives.
    records : list of (module, output)
        In the order of the calls.
    written : frozenset of int
        Numbers of the calls whose output something wrote into afterwards.
    largest : int
        Bytes of the largest output behind the stage.
    """

    raw: Tensor
    output: Any

    def __init__(self, model: nn.Module, stage: Stage, copied: frozenset[int] = frozenset()) -> None:
        self.model, self.stage, self.copied = model, stage, copied
        self.records: list[tuple[nn.Module, Any]] = []
        self.written: frozenset[int] = frozenset()
        self.largest = 0
        self._taken: list[tuple[int, nn.Module, Any, list[tuple[Tensor, int]]]] = []
        self._starts: list[int] = []
        self._calls = 0
        self._finished = False
        self._handles: list[Any] = []

    def __enter__(self) -> Recording:
        for path, module in self.model.named_modules():
            if "parametrizations" not in path and module is not self.model:
                self._handles.append(module.register_forward_pre_hook(self._before))
                self._handles.append(module.register_forward_hook(self._after))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self.written = frozenset(n for n, _, _, seen in self._taken if any(t._version != v for t, v in seen))
        self.records = [(module, kept) for _, module, kept, _ in self._taken]
        self._taken = []

    def _before(self, module: nn.Module, args: Any) -> None:
        self._starts.append(len(self._taken))

    def _after(self, module: nn.Module, args: Any, output: Any) -> None:
        start = self._starts.pop()
        if self._finished:
            self.largest = max(self.largest, _bytes(output))
            return
        del self._taken[start:]  # what a module called is not called when it is replayed
        self._calls += 1
        if module is self.stage.module:
            self.raw = first_tensor(output, self.stage.name).detach().clone()
            self.output = tree_map_only(Tensor, torch.detach, output)
            self._finished = True
            return
        seen: list[tuple[Tensor, int]] = []
        tree_map_only(Tensor, lambda t: seen.append((t, t._version)), output)
        kept = tree_map_only(Tensor, torch.detach, output)
        if self._calls in self.copied:
            kept = tree_map_only(Tensor, torch.clone, kept)
        self._taken.append((self._calls, module, kept, seen))


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
    recording
        Of a forward pass of these inputs; made here without it.

    Attributes
    ----------
    raw : Tensor[B, ...]
        The stage's activation as its module gives it.
    reference : Tensor[B]
        Scores of the unchanged inputs.
    rows : int
        Rows that fit in one rerun.
    whole : bool
        Whether whole forward passes had to be used.
    """

    def __init__(
        self,
        model: nn.Module,
        stage: Stage,
        inputs: Tensor,
        target: Resolved,
        max_memory: int,
        recording: Recording | None = None,
    ) -> None:
        self.model, self.stage, self.inputs, self.target = model, stage, inputs, target
        self.whole = False
        device = inputs.device.type
        self._autocast = (device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))
        self._copying = False
        self.reference = target.reference()
        with torch.no_grad():
            self._recording = recording or self._record(frozenset())
            self.raw = self._recording.raw
            self._choose()
        each = _bytes(self._recording.records) if self._copying else 0
        each += 3 * max(self._recording.largest, _bytes(self.raw)) + _bytes(self.raw) + _bytes(inputs)
        self.rows = int(max(1, max_memory // max(1, each // len(inputs))))
        if device == "cpu":
            self.rows = min(self.rows, 16)  # larger chunks fall out of the cache

    def _record(self, copied: frozenset[int]) -> Recording:
        device, dtype, enabled = self._autocast
        ambient = torch.autocast(device, dtype=dtype, enabled=enabled)
        with Recording(self.model, self.stage, copied) as recording, ambient:
            self.model(self.inputs)
        return recording

    def scores(self, sample: int, activation: Tensor) -> Tensor:
        """Scores, Tensor[N], of a sample with its stage's activation replaced by each of Tensor[N, ...].

        The caller keeps N at or below ``rows``.
        """
        with torch.no_grad():
            return self._run(sample, activation)

    def _choose(self) -> None:
        """Find the cheapest way of rerunning that reproduces the score of a sample.

        Records are handed out as views of one row, so that code which writes into them fails, rather than
        writing a second time into what it wrote into when it was recorded.
        """
        finite = self.raw.flatten(1).isfinite().all(1) & self.reference.isfinite()
        sample = int(finite.int().argmax())
        if not bool(finite[sample]) or self._reproduces(sample):
            return
        if self._recording.written:  # something reads an output as it was before it was written into
            self._recording = self._record(self._recording.written)
            if self._reproduces(sample):
                return
        self._copying = True  # or writes into it itself
        if not self._reproduces(sample):
            self._copying, self.whole = False, True

    def _reproduces(self, sample: int) -> bool:
        same = self.raw[sample : sample + 1].expand(2, *self.raw.shape[1:]).contiguous()
        try:
            found = self._run(sample, same)
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False
        tolerance = 1e-4 if self.raw.dtype in (torch.float32, torch.float64) else 2e-2
        scale = self.target.logits[sample].abs().max().clamp(min=1.0).float()
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
            for module, output in self._recording.records:
                recall = partial(tree_map_only, Tensor, partial(repeat, copy=self._copying), output)
                queues.setdefault(module, []).append(recall)
        others = tree_map_only(Tensor, partial(repeat, copy=False), self._recording.output)
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
