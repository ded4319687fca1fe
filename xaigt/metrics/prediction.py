"""What a model says of a target, many inputs at a time, leaving the model as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xaigt.errors import XaigtError, nearest

Model = Callable[[Tensor], Tensor]
OUTPUTS = ("logit", "probability", "sigmoid")


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """Put a module into evaluation mode without gradients; give every part its mode back, errors or not."""
    modes = [(part, part.training) for part in model.modules()] if isinstance(model, nn.Module) else []
    for part, _ in modes:
        part.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def pick(scores: Tensor, targets: Tensor, output: str = "logit") -> Tensor:
    """Pick each sample's target from a model's answer, ``[B]``, float64.

    Parameters
    ----------
    scores
        ``[B, K]`` logits, or ``[B]`` or ``[B, 1]`` for one logit, which is negated for target 0.
    targets
        ``[B]``, integers.
    output
        ``logit``; ``probability`` (softmax, or sigmoid of one logit); ``sigmoid`` for labels that do not
        exclude each other.
    """
    if output not in OUTPUTS:
        raise XaigtError(f"Unknown output {output!r}: {nearest(str(output), OUTPUTS)}.")
    scores = scores.to(torch.float64)
    scores = scores[:, None] if scores.ndim == 1 else scores
    if scores.ndim != 2 or len(scores) != len(targets):
        raise XaigtError(
            f"The model answers {list(scores.shape)} to {len(targets)} inputs; [B, classes] is needed."
        )
    targets = targets.to(scores.device).long()
    classes = max(scores.shape[1], 2)
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise XaigtError(
            f"targets must lie between 0 and {classes - 1}; got {sorted(set(targets.tolist()))}."
        )
    if scores.shape[1] == 1:
        signed = torch.where(targets == 1, scores[:, 0], -scores[:, 0])
        return signed if output == "logit" else signed.sigmoid()
    if output == "probability":
        scores = scores.softmax(1)
    elif output == "sigmoid":
        scores = scores.sigmoid()
    return scores.gather(1, targets[:, None])[:, 0]


def answers(
    model: Model,
    inputs: Iterable[Tensor],
    targets: Iterable[Tensor],
    *,
    output: str = "logit",
    batch_size: int = 32,
) -> Tensor:
    """Score a stream of inputs in batches of at most ``batch_size``, ``[total]``, float64.

    Parameters
    ----------
    model
        Any callable ``[B, C, *S] -> logits``.
    inputs, targets
        Pieces ``[b, C, *S]`` and ``[b]``, made when needed, so that all need not fit into memory at once.
    output
        As for :func:`pick`.
    batch_size
        Inputs a forward pass.
    """
    found: list[Tensor] = []
    waiting: list[Tensor] = []
    wanted: list[Tensor] = []

    def flush() -> None:
        if waiting:
            found.append(pick(model(torch.cat(waiting)), torch.cat(wanted), output))
            waiting.clear()
            wanted.clear()

    with evaluating(model):
        for piece, target in zip(inputs, targets, strict=True):
            parts = zip(split(piece, batch_size), split(target, batch_size), strict=True)
            for part, part_target in parts:
                if sum(map(len, waiting)) + len(part) > batch_size:
                    flush()
                waiting.append(part)
                wanted.append(part_target)
        flush()
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)


def split(values: Tensor, size: int) -> list[Tensor]:
    """Cut ``[n, ...]`` into pieces of at most ``size``."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def checked(
    inputs: Tensor, maps: Tensor, targets: Tensor, reference: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Check shapes; return the reference expanded to the inputs, and the targets as a tensor."""
    targets = torch.as_tensor(targets, device=inputs.device)
    if inputs.ndim != maps.ndim + 1 or inputs.shape[2:] != maps.shape[1:] or len(inputs) != len(maps):
        raise XaigtError(
            f"inputs {list(inputs.shape)} and maps {list(maps.shape)} do not fit: "
            "[B, C, *S] and [B, *S] are needed. Resize the maps first: xaigt.metrics.resize."
        )
    if targets.shape != (len(inputs),):
        raise XaigtError(f"targets has shape {list(targets.shape)} for {len(inputs)} inputs.")
    filled = torch.as_tensor(reference, dtype=inputs.dtype, device=inputs.device)
    try:
        return filled.expand_as(inputs), targets
    except RuntimeError as error:
        raise XaigtError(
            f"reference has shape {list(filled.shape)}; it must broadcast to the inputs {list(inputs.shape)}."
        ) from error
