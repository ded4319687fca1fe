"""What is explained: a logit, a difference of logits, or a probability, one target a sample.

Every target becomes a row of weights on the logits and a link, so that it can be repeated for the
reruns of a sample, whatever order or batch they come in:

- logit and logit difference: ``score = sum_k W_k z_k``
- probability of a softmax head: ``score = sum_k W_k softmax(z)_k``
- probability of a one-logit or multi-label head: ``score = sigmoid(sum_k W_k z_k)``

A single logit of a softmax head is not identified: adding one function to all logits leaves every
probability as it is and changes every map. A difference of logits is free of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from xaigt.explainers.errors import ExplainerError

Classes = int | Sequence[int] | Tensor | None
Link = Literal["identity", "softmax", "sigmoid"]


@dataclass(frozen=True)
class Logit:
    """The logit of a class.

    Attributes
    ----------
    classes
        One class for all samples, or one a sample; None is the predicted class. On a one-logit head,
        class 1 is the logit and class 0 minus the logit.
    """

    classes: Classes = None


@dataclass(frozen=True)
class LogitDifference:
    """The logit of a class minus the logit of another, or minus the mean logit of all others.

    Attributes
    ----------
    classes
        As for :class:`Logit`.
    against
        ``"rest"`` (the mean of all other logits), ``"runner-up"`` (the largest other logit of the unchanged
        input), or a class, or one class a sample. A one-logit head has no other logit: the difference
        to the implicit zero is the logit itself.
    """

    classes: Classes = None
    against: Literal["rest", "runner-up"] | int | Sequence[int] | Tensor = "rest"


@dataclass(frozen=True)
class Probability:
    """The probability of a class.

    Attributes
    ----------
    classes
        As for :class:`Logit`.
    multi_label
        Every logit has a sigmoid of its own, rather than one softmax over all. A one-logit head is always
        read with a sigmoid.
    """

    classes: Classes = None
    multi_label: bool = False


Target = Logit | LogitDifference | Probability


@dataclass(frozen=True)
class Resolved:
    """Targets of a batch, fixed on the logits of its unchanged inputs.

    Attributes
    ----------
    weights : Tensor[B, K]
        Weights on the logits (on their softmax for ``link="softmax"``).
    classes : Tensor[B]
        The class explained in each sample.
    link
        ``identity``, ``softmax`` or ``sigmoid``.
    logits : Tensor[B, K]
        The logits of the unchanged inputs.
    """

    weights: Tensor
    classes: Tensor
    link: Link
    logits: Tensor

    def scores(self, logits: Tensor, rows: Tensor | None = None) -> Tensor:
        """Scores, Tensor[N], of logits, Tensor[N, K], each by the target of the sample in ``rows``."""
        weights = (self.weights if rows is None else self.weights[rows]).to(logits.device)
        logits = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
        weights = weights.to(logits.dtype)
        if self.link == "softmax":
            return (weights * logits.softmax(1)).sum(1)
        score = (weights * logits).sum(1)
        return score.sigmoid() if self.link == "sigmoid" else score

    def reference(self) -> Tensor:
        """Scores of the unchanged inputs, Tensor[B]."""
        return self.scores(self.logits)


def logits_of(output: Any) -> Tensor:
    """Give the logits, Tensor[B, K], in whatever a classifier returns.

    A tensor of shape [B, K] or [B]; the first tensor of a tuple or list (MONAI's ViT, torchvision's
    Inception); or the entry or attribute ``logits``.
    """
    if isinstance(output, dict) and "logits" in output:
        output = output["logits"]
    elif isinstance(getattr(output, "logits", None), Tensor):
        output = output.logits
    elif isinstance(output, (tuple, list)) and output and isinstance(output[0], Tensor):
        output = output[0]
    if not isinstance(output, Tensor):
        raise ExplainerError(
            f"the model returns {type(output).__name__}, not logits: wrap it in a module whose forward "
            "returns a tensor [batch, classes]"
        )
    logits: Tensor = output.unsqueeze(1) if output.ndim == 1 else output
    if logits.ndim != 2:
        raise ExplainerError(
            f"the model returns a tensor of shape {tuple(logits.shape)}, not logits [batch, classes]: "
            "wrap it so that it returns one row of logits a sample"
        )
    return logits


def resolve_targets(targets: Target | Classes, logits: Tensor) -> Resolved:
    """Fix the targets of a batch on the logits of its unchanged inputs.

    Parameters
    ----------
    targets
        A target, or only classes (meaning their logit), or None (the logit of the predicted class).
    logits : Tensor[B, K]
        Logits of the unchanged inputs.

    Raises
    ------
    ExplainerError
        If there is not one class a sample, or a class is not in 0 .. K-1 (0 or 1 for a one-logit head).
    """
    target = targets if isinstance(targets, (Logit, LogitDifference, Probability)) else Logit(targets)
    logits = logits.detach()
    samples, outputs = logits.shape
    single = outputs == 1
    if target.classes is None:
        classes = (logits[:, 0] > 0).long() if single else logits.argmax(1)
    else:
        classes = _classes(target.classes, logits, "target")
    weights = torch.zeros(samples, outputs, device=logits.device, dtype=torch.float32)
    rows = torch.arange(samples, device=logits.device)
    if single:
        weights[:, 0] = 2.0 * classes - 1.0
    else:
        weights[rows, classes] = 1.0
    link: Link = "identity"
    if isinstance(target, Probability):
        link = "sigmoid" if single or target.multi_label else "softmax"
    elif isinstance(target, LogitDifference) and not single:
        if isinstance(target.against, str):
            if target.against == "rest":
                others = torch.full_like(weights, 1.0 / (outputs - 1))
                others[rows, classes] = 0.0
                weights = weights - others
            elif target.against == "runner-up":
                rivals = logits.float().clone()
                rivals[rows, classes] = -torch.inf
                weights[rows, rivals.argmax(1)] -= 1.0
            else:
                raise ExplainerError(
                    f"against={target.against!r}: use 'rest', 'runner-up', a class, or one class a sample"
                )
        else:
            weights[rows, _classes(target.against, logits, "against")] -= 1.0
    return Resolved(weights, classes, link, logits)


def _classes(classes: int | Sequence[int] | Tensor, logits: Tensor, what: str) -> Tensor:
    samples, outputs = logits.shape
    found = torch.as_tensor(classes, device=logits.device)
    if found.is_floating_point() and not bool((found == found.round()).all()):
        raise ExplainerError(f"{what}: classes must be whole numbers, not {found.tolist()}")
    found = found.long()
    if found.ndim == 0:
        found = found.expand(samples)
    elif found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.shape != (samples,):
        raise ExplainerError(
            f"{what}: {samples} samples need {samples} classes, one a sample (or one int for all), "
            f"not a shape of {tuple(found.shape)}"
        )
    limit = max(outputs, 2)
    if bool(((found < 0) | (found >= limit)).any()):
        raise ExplainerError(
            f"{what}: classes {sorted(set(found.tolist()))} are not all in 0..{limit - 1}, "
            f"which the {outputs} logit(s) of this model have"
        )
    return found
