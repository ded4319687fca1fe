"""One forward pass that stops at every stage, and backward passes that reach no further than the earliest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.stages import Stage
from xaigt.explainers.targets import logits_of


def first_tensor(output: Any, name: str) -> Tensor:
    """Give the activation in a stage's output: the tensor itself, or the first of a tuple or list."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise ExplainerError(
            f"stage {name!r} returns {type(output).__name__}, not a tensor: choose a module that returns one"
        )
    return output


def with_first_tensor(output: Any, value: Tensor) -> Any:
    """Give the same output with another activation in its place."""
    if isinstance(output, tuple):
        rest = (value, *output[1:])
        return type(output)(*rest) if hasattr(output, "_fields") else rest
    if isinstance(output, list):
        return [value, *output[1:]]
    return value


class Capture:
    """Activations of all stages of a batch from one forward pass, and gradients from one backward pass.

    Each stage hands a clone of its output on, so that an in-place operation behind it cannot reach what is
    kept. A stage whose output needs no gradient is detached and made to require one: with frozen parameters
    (:func:`~xaigt.explainers.guard.borrowed`) that is the case at the earliest stage only, so nothing before
    it is recorded, and the later ones stay connected to it.

    Parameters
    ----------
    model
        Borrowed model.
    inputs : Tensor[B, C, *size]
        Batch.
    stages
        Where to read.
    curved
        Second derivatives will be asked for: fused attention has none.

    Attributes
    ----------
    logits : Tensor[B, K]
        With its graph.
    raw : dict of Tensor
        The activation of each stage as the module gives it.
    """

    def __init__(
        self, model: nn.Module, inputs: Tensor, stages: Sequence[Stage], curved: bool = False
    ) -> None:
        self.raw: dict[str, Tensor] = {}
        handles = [stage.module.register_forward_hook(self._hook(stage)) for stage in stages]
        try:
            with sdpa_kernel(SDPBackend.MATH) if curved else nullcontext():
                self.logits = logits_of(model(inputs))
        finally:
            for handle in handles:
                handle.remove()
        if self.logits.shape[0] != inputs.shape[0]:
            raise ExplainerError(
                f"the model gives {self.logits.shape[0]} rows of logits for {inputs.shape[0]} inputs"
            )
        for stage in stages:
            if stage.name not in self.raw:
                raise ExplainerError(f"stage {stage.name!r} does not run in the forward pass of this model")
            if self.raw[stage.name].shape[:1] != inputs.shape[:1]:
                raise ExplainerError(
                    f"stage {stage.name!r} gives {self.raw[stage.name].shape[0]} rows for "
                    f"{inputs.shape[0]} inputs (windows?): choose the module that contains it"
                )

    def _hook(self, stage: Stage) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            if stage.name in self.raw:
                raise ExplainerError(
                    f"stage {stage.name!r} runs more than once in a forward pass, so its activation is not "
                    "one tensor: choose the module that contains it, or one that runs once"
                )
            kept = first_tensor(output, stage.name)
            if not kept.is_floating_point():
                raise ExplainerError(f"stage {stage.name!r} gives {kept.dtype}, which has no gradient")
            if not kept.requires_grad:
                kept = kept.detach().requires_grad_()
            self.raw[stage.name] = kept
            return with_first_tensor(output, kept.clone())

        return hook

    def gradients(self, score: Tensor, create_graph: bool = False) -> dict[str, Tensor]:
        """Gradients of a sum of scores at every stage, in one backward pass; zero where it does not depend.

        Parameters
        ----------
        score : Tensor[B]
            One score a sample, computed from ``logits``.
        create_graph
            Make the gradients differentiable (for curvature).
        """
        if not score.requires_grad:
            return {name: torch.zeros_like(raw) for name, raw in self.raw.items()}
        found = torch.autograd.grad(
            score.sum(),
            list(self.raw.values()),
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
        return {
            name: torch.zeros_like(raw) if gradient is None else gradient
            for (name, raw), gradient in zip(self.raw.items(), found, strict=True)
        }

    def curvature(self, name: str, gradient: Tensor) -> Tensor:
        """Give the Hessian of the score at a stage times its activation; ``gradient`` must have its graph."""
        raw = self.raw[name]
        if not gradient.requires_grad:
            return torch.zeros_like(raw)
        (product,) = torch.autograd.grad(gradient, raw, raw.detach(), retain_graph=True, allow_unused=True)
        return torch.zeros_like(raw) if product is None else product
