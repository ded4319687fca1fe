"""What an explainer is given beside tensors: scores of other inputs, and reruns of what follows a stage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from xaigt.explainers.grids import Layout
from xaigt.explainers.replay import Replay
from xaigt.explainers.stages import Stage
from xaigt.explainers.targets import Resolved, logits_of


def ignore_progress(done: int) -> None:
    """Tell nobody."""


class Ambient:
    """The autocast state in which the caller called ``explain``, for passes that are run later.

    Parameters
    ----------
    device
        Where the passes run.
    """

    def __init__(self, device: torch.device) -> None:
        kind = device.type
        self._state = (kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))

    def __call__(self) -> AbstractContextManager[None]:
        """Enter the state again."""
        device, dtype, enabled = self._state
        return torch.autocast(device, dtype=dtype, enabled=enabled)


class Scorer(nn.Module):
    """A model with its targets: inputs, and the sample whose target each row has, to one score a row.

    Parameters
    ----------
    model
        Borrowed model.
    targets
        Targets of the batch.
    """

    def __init__(self, model: nn.Module, targets: Resolved) -> None:
        super().__init__()
        self.model = model
        self.targets = targets
        self.autocast = Ambient(targets.logits.device)

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        """Scores, Tensor[N], of inputs, Tensor[N, C, *size]."""
        with self.autocast():
            logits = logits_of(self.model(inputs))
        return self.targets.scores(logits, rows)


@dataclass
class Budget:
    """How many rows fit in memory, from one probing forward pass of one sample.

    Attributes
    ----------
    max_memory
        Bytes that the activations of one pass may take.
    """

    model: nn.Module
    sample: Tensor
    max_memory: int
    _seen: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._autocast = Ambient(self.sample.device)

    def rows(self, gradients: bool = False) -> int:
        """Rows of a forward pass, or of a forward and backward pass; at least 1."""
        if self._seen is None:
            self._seen = self._probe()
        largest, total = self._seen
        each = self.sample.numel() * self.sample.element_size() + (2 * total if gradients else 3 * largest)
        return max(1, self.max_memory // each)

    def _probe(self) -> tuple[int, int]:
        sizes = [self.sample.numel() * self.sample.element_size()]

        def hook(module: nn.Module, args: object, output: object) -> None:
            if isinstance(output, Tensor):
                sizes.append(output.numel() * output.element_size())

        leaves = [m for m in self.model.modules() if not any(m.children())]
        handles = [m.register_forward_hook(hook) for m in leaves]
        try:
            with torch.no_grad(), self._autocast():
                self.model(self.sample)
        finally:
            for handle in handles:
                handle.remove()
        return max(sizes), sum(sizes)


@dataclass
class StageView:
    """A stage as explainers that rerun the network see it.

    Attributes
    ----------
    name
        Name of the stage.
    layout
        Axes of its raw activation.
    score
        Scores of whole inputs.
    progress
        Call with how many of the C channels were done.
    """

    stage: Stage
    layout: Layout
    score: Scorer
    inputs: Tensor
    budget: Budget
    progress: Callable[[int], None] = field(default=ignore_progress)

    @property
    def name(self) -> str:
        """Name of the stage."""
        return self.stage.name

    def rows(self) -> int:
        """Whole inputs that fit in one forward pass without gradients."""
        return self.budget.rows()

    def replay(self) -> Replay:
        """Record the model once, for reruns of what follows the stage."""
        with self.score.autocast():
            model, targets = self.score.model, self.score.targets
            return Replay(model, self.stage, self.inputs, targets, self.budget.max_memory)
