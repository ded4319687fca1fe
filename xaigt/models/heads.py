"""Losses, probabilities and weights of the three kinds of head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def check_classes(targets: Tensor, split: str, labels: Sequence[str]) -> None:
    """Refuse a split in which there is nothing to tell apart.

    Parameters
    ----------
    targets
        ``[N]`` classes, or ``[N, K]`` labels of 0 and 1.
    split, labels
        Their names, for the message.

    Raises
    ------
    ModelError
        If it has one class only, or a label that is always or never there.
    """
    right = f"make more samples (xaigt generate -n), or give {split} a larger share of them (--splits)."
    count = len(targets)
    if targets.ndim == 2:
        have = targets.sum(0).long().tolist()
        if any(number in (0, count) for number in have):
            found = ", ".join(f"{name} {number}" for name, number in zip(labels, have, strict=True))
            constant = [name for name, number in zip(labels, have, strict=True) if number in (0, count)]
            raise ModelError(
                f"split {split}: nothing tells its {count} samples apart by {', '.join(constant)}; so many have each "
                f"label: {found}. Each label must be there in some samples and not in others: {right}"
            )
        return
    present = targets.bincount().nonzero().flatten().tolist()
    if len(present) < 2:
        raise ModelError(
            f"split {split}: all its {count} samples are of one class (label {labels[0]!r}: {count} of class "
            f"{present[0]}, none of another). Samples of two classes or more are needed: {right}"
        )
