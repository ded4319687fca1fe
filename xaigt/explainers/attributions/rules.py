"""Run a captum method that works on modules, on a prepared copy of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from xaigt.explainers.attributions.pooling import Windows
from xaigt.explainers.attributions.prepared import Prepared
from xaigt.explainers.attributions.router import Call, Rule
from xaigt.explainers.attributions.through import every_row, quiet
from xaigt.explainers.view import Budget, Scorer

Types = tuple[type[nn.Module], ...]

LINEAR: Types = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
)
PASSIVE: Types = (
    nn.Identity,
    nn.Flatten,
    nn.Unflatten,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.ZeroPad1d,
    nn.ZeroPad2d,
    nn.ZeroPad3d,
    nn.ConstantPad1d,
    nn.ConstantPad2d,
    nn.ConstantPad3d,
    Call,
    Windows,
)
MAX_POOLS: Types = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)


class _Score(nn.Module):
    def __init__(self, score: Scorer, prepared: Prepared) -> None:
        super().__init__()
        self.prepared = prepared
        self._score = [score]  # in a list: the model itself must not be found among this module's children

    def forward(self, inputs: Tensor, rows: Tensor) -> Tensor:
        with self._score[0].autocast():
            logits = self.prepared(inputs)
        return self._score[0].targets.scores(logits, rows)


def prepared_score(score: Scorer, inputs: Tensor, method: str, rule: Rule, known: Types) -> nn.Module:
    """Hold the score as a module, on a prepared copy of the model, in eval mode."""
    prepared = Prepared(score.model, inputs[:1], method, rule, known)
    return _Score(score, prepared).eval()


def attribute(make: Callable[[], Any], inputs: Tensor, budget: Budget, **arguments: Tensor) -> Tensor:
    """Attributions, Tensor[B, C, *size], of a captum method made anew for each chunk that fits in memory."""
    limit = max(1, budget.rows(gradients=True) // 2)
    rows = every_row(inputs)
    found = []
    with quiet():
        for start in range(0, len(inputs), limit):
            part = slice(start, start + limit)
            extra = {name: value[part] for name, value in arguments.items()}
            leaf = inputs[part].detach().clone().requires_grad_()
            found.append(make().attribute(leaf, additional_forward_args=(rows[part],), **extra).detach())
    return torch.cat(found)
