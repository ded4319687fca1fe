"""Losses, probabilities and weights of the three kinds of head."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from xaigt.models.errors import ModelError

Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(head: str, weights: Tensor | None) -> Loss:
    """Loss of logits ``[B, K]`` and targets, a mean over samples.

    Parameters
    ----------
    head
        ``one-logit``, ``k-logit`` or ``multi-label``.
    weights
        ``[classes]``, or ``[labels]`` (of positives) for a multi-label head; None for none.
    """
    if head == "k-logit":
        return lambda logits, targets: functional.cross_entropy(logits.float(), targets, weights)
    if head == "multi-label":
        return lambda logits, targets: functional.binary_cross_entropy_with_logits(
            logits.float(), targets, pos_weight=weights
        )

    def one_logit(logits: Tensor, targets: Tensor) -> Tensor:
        each = None if weights is None else weights[targets]
        return functional.binary_cross_entropy_with_logits(logits[:, 0].float(), targets.float(), each)

    return one_logit


def class_weights(head: str, targets: Tensor, outputs: int) -> Tensor:
    """Weights that make classes count alike: N / (K n_k); for labels, negatives over positives."""
    if head == "multi-label":
        positive = targets.sum(0)
        return (len(targets) - positive) / positive.clamp(min=1)
    counts = torch.bincount(targets, minlength=max(outputs, 2)).float()
    return len(targets) / (len(counts) * counts.clamp(min=1))


def probabilities(head: str, logits: Tensor) -> Tensor:
    """``[B, classes]`` (two for one logit), or ``[B, labels]``."""
    if head == "k-logit":
        return logits.softmax(1)
    chance = logits.sigmoid()
    return chance if head == "multi-label" else torch.cat([1 - chance, chance], dim=1)


def check_classes(head: str, targets: Tensor, split: str) -> None:
    """Refuse a split in which there is nothing to tell apart.

    Raises
    ------
    ModelError
        If it has one class only, or a label that is always or never there.
    """
    if head == "multi-label":
        constant = ((targets.mean(0) == 0) | (targets.mean(0) == 1)).nonzero().flatten().tolist()
        if constant:
            raise ModelError(f"split {split}: labels {constant} are the same in all samples; make more samples.")
    elif bool((targets == targets[0]).all()):
        raise ModelError(
            f"split {split}: all {len(targets)} samples are of class {int(targets[0])}; make more samples."
        )
