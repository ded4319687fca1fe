"""One batch under explanation: what is computed once and shared by all methods and stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from xaigt.explainers.capture import Capture
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.grids import Layout, infer_layout
from xaigt.explainers.registry import ALL_STAGES, PER_STAGE, Explainer
from xaigt.explainers.stages import Stage
from xaigt.explainers.targets import Classes, Resolved, Target, resolve_targets
from xaigt.explainers.view import Budget, Scorer, StageView

Layouts = Layout | Mapping[str, Layout] | None
_GRAPH = {"gradients", "curvature", "gradients_of", "stage_gradients"}


class Session:
    """Everything that the explainers of a batch share.

    Parameters
    ----------
    model
        Borrowed model.
    inputs : Tensor[B, C, *size]
        Batch, on the device of the model.
    targets
        Targets, or what an earlier session resolved.
    stages
        Where to read.
    methods
        All that will be run: they decide what is computed.
    context
        What the caller passes on to methods.
    layout
        Layout of every stage, or by name; None infers it.
    max_memory
        Bytes for the reruns.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Target | Classes | Resolved,
        stages: Sequence[Stage],
        methods: Sequence[Explainer],
        context: Mapping[str, Tensor],
        layout: Layouts,
        max_memory: int,
    ) -> None:
        self.model, self.inputs, self.stages, self.context = model, inputs, stages, context
        self.budget = Budget(model, inputs[:1], max_memory)
        self._targets = targets
        self.layout = layout
        needs = frozenset[str]().union(*(method.needs for method in methods))
        self._read = bool(needs.intersection((*PER_STAGE, *ALL_STAGES)))
        self._curved = "curvature" in needs
        self._kept = "gradients_of" in needs
        self._differentiated = bool(needs & _GRAPH)
        self._memory: tuple[Tensor, dict[str, Tensor]] | None = None
        if self._read and not stages:
            raise ExplainerError(
                "class activation maps need stages: pass stages=['layer4'] or modules, or give the model an "
                "attribute `stages`, a list of (name, module)"
            )

    @cached_property
    def _capture(self) -> Capture:
        with torch.set_grad_enabled(self._differentiated):
            return Capture(self.model, self.inputs, self.stages if self._read else [], self._curved)

    @cached_property
    def targets(self) -> Resolved:
        """Targets of the batch, fixed on the logits of its unchanged inputs."""
        logits = self._capture.logits.detach()
        if isinstance(self._targets, Resolved):
            if self._targets.weights.shape != logits.shape:
                raise ExplainerError(
                    f"targets are for logits of shape {tuple(self._targets.weights.shape)}, "
                    f"the network gives {tuple(logits.shape)}"
                )
            fixed = self._targets
            return Resolved(fixed.weights, fixed.classes, fixed.link, logits)
        return resolve_targets(self._targets, logits)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Layout of every stage's activation."""
        size = self.inputs.shape[2:]
        found = {}
        for name, raw in self._capture.raw.items():
            given = self.layout.get(name) if isinstance(self.layout, Mapping) else self.layout
            found[name] = given or infer_layout(raw, size, self.model, name)
        return found

    @cached_property
    def activations(self) -> dict[str, Tensor]:
        """Tensor[B, C, *grid] of every stage, float32 at least."""
        return {name: self._grid(name, raw) for name, raw in self._capture.raw.items()}

    @cached_property
    def _differentials(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        capture = self._capture
        score = self.targets.scores(capture.logits)
        gradients = capture.gradients(score, create_graph=self._curved)
        curvatures: dict[str, Tensor] = {}
        if self._curved:
            for name, gradient in gradients.items():
                curvatures[name] = self._grid(name, capture.curvature(name, gradient))
        grids = {name: self._grid(name, gradient) for name, gradient in gradients.items()}
        if not self._kept:  # the graph is not needed any more: let its memory go before methods run
            capture.logits = capture.logits.detach()
            capture.raw = {name: raw.detach() for name, raw in capture.raw.items()}
        return grids, curvatures

    def gradients_of(self, targets: Resolved) -> dict[str, Tensor]:
        """Gradients of other targets at every stage, from the same forward pass."""
        if self._memory is None or not torch.equal(self._memory[0], targets.weights):
            found = self._capture.gradients(targets.scores(self._capture.logits))
            grids = {name: self._grid(name, gradient) for name, gradient in found.items()}
            self._memory = (targets.weights, grids)
        return self._memory[1]

    def _grid(self, name: str, raw: Tensor) -> Tensor:
        grid = self.layouts[name].to_grid(raw.detach())
        return grid.float() if grid.dtype in (torch.float16, torch.bfloat16) else grid

    @cached_property
    def score(self) -> Scorer:
        """Inputs to scores."""
        return Scorer(self.model, self.targets)

    def run(
        self,
        method: Explainer,
        stage: Stage | None,
        options: Mapping[str, Any],
        report: Callable[[int], None],
    ) -> Tensor:
        """Give a method what it asks for and check what it returns.

        Parameters
        ----------
        method
            The explainer.
        stage
            The stage, for a method that wants one.
        options
            Its options.
        report
            Called with units of work as they are done.
        """
        given: dict[str, Callable[[], Any]] = {
            "inputs": lambda: self.inputs,
            "targets": lambda: self.targets,
            "score": lambda: self.score,
            "model": lambda: self.model,
            "context": lambda: self.context,
            "budget": lambda: self.budget,
            "progress": lambda: report,
            "stage_activations": lambda: self.activations,
            "stage_gradients": lambda: self._differentials[0],
        }
        if stage is not None:
            name = stage.name
            given |= {
                "activations": lambda: self.activations[name],
                "gradients": lambda: self._differentials[0][name],
                "curvature": lambda: self._differentials[1][name],
                "gradients_of": lambda: lambda targets: self.gradients_of(targets)[name],
                "stage": lambda: StageView(
                    stage, self.layouts[name], self.score, self.inputs, self.budget, report
                ),
            }
        autocast = torch.autocast(self.inputs.device.type, enabled=False)
        arguments = {need: given[need]() for need in sorted(method.needs)}
        with autocast:
            found = method.function(**arguments, **options)
        return self._checked(found, method.name, stage)

    def _checked(self, found: Any, method: str, stage: Stage | None) -> Tensor:
        if not isinstance(found, Tensor) or found.shape[:1] != self.inputs.shape[:1] or found.ndim < 2:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ExplainerError(
                f"explainer {method!r} returned {shape}, not a tensor of maps [{len(self.inputs)}, *grid]"
            )
        grid = tuple(self.activations[stage.name].shape[2:]) if stage is not None else None
        if grid is not None and found.ndim != len(grid) + 1:
            raise ExplainerError(
                f"explainer {method!r} returned maps of shape {tuple(found.shape)}; stage {stage.name!r} "  # type: ignore[union-attr]
                f"has a grid of {grid}"
            )
        return found.detach()
