"""Insertion and deletion: the model's answer while voxels are exchanged in the order of the map."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics.batch import MapBatch
from xaigt.metrics.declaration import UNINFORMATIVE_IS_CHANCE, model_metric
from xaigt.metrics.prediction import Model, answers, checked, split

_ATTAINABLE = "none: the best order depends on the model"
_ABOUT = (
    "Petsiuk, Das, Saenko 2018 (RISE, arXiv 1806.07421). What is put in place is the caller's: with the "
    "healthy twin both ends of the curve are real images, which a blurred or constant reference cannot say"
)
_DEGENERATE = {**UNINFORMATIVE_IS_CHANCE, "empty mask": "any", "full mask": "any"}


def relevance_order(
    maps: Tensor, *, support: Tensor | None = None, sign: str = "signed", seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Rank the voxels, ``[B, N]``: 0 for the most relevant, those outside the support last.

    Voxels that tie are ordered at random by ``seed``, alike in every sample, so a constant map is a random
    order and no scan order is favoured. Samples with NaN, ``False`` in the second answer ``[B]``, are ranked
    as constant maps.
    """
    batch = MapBatch(maps, torch.zeros_like(maps, dtype=torch.bool), support=support, sign=sign)
    size = batch.values.shape[1]
    shuffle = torch.randperm(size, generator=torch.Generator().manual_seed(seed)).to(batch.device)
    order = shuffle[batch.ranked[:, shuffle].argsort(dim=1, descending=True, stable=True)]
    ranks = torch.empty_like(order)
    ranks.scatter_(1, order, torch.arange(size, device=batch.device).expand_as(order))
    return ranks, batch.finite


def perturbation_curve(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    targets: Tensor,
    reference: Tensor | float,
    *,
    mode: str = "deletion",
    steps: int = 20,
    output: str = "probability",
    support: Tensor | None = None,
    sign: str = "signed",
    seed: int = 0,
    batch_size: int = 32,
) -> Tensor:
    """Record the model's answer while the most relevant voxels are exchanged, ``[B, steps + 1]``, float64.

    Parameters
    ----------
    model
        Any callable ``[B, C, *S] -> logits``; modules are put into evaluation mode and back.
    inputs, maps, targets
        ``[B, C, *S]``, ``[B, *S]``, ``[B]``.
    reference
        What stands in place of a removed voxel (the healthy twin, a blurred image, 0), broadcast to inputs.
    mode
        ``deletion`` goes from the input to the reference, ``insertion`` from the reference to the input.
    steps
        Steps of equal numbers of voxels of the support.
    output
        ``probability`` (as published), ``logit`` or ``sigmoid``.
    support
        ``[B, *S]`` or ``[*S]``: only voxels inside are exchanged.
    sign, seed
        Sign policy of the maps; order among ties.
    batch_size
        Inputs a forward pass.
    """
    if mode not in ("deletion", "insertion") or steps < 1:
        raise XaigtError(f"mode is 'deletion' or 'insertion' and steps at least 1; got {mode!r}, {steps}.")
    other, targets = checked(inputs, maps, targets, reference)
    ranks, finite = relevance_order(maps, support=support, sign=sign, seed=seed)
    size = torch.full((len(inputs), 1), ranks.shape[1], device=inputs.device)
    if support is not None:
        size = (support.to(inputs.device) != 0).expand_as(maps).flatten(1).sum(1, keepdim=True)
    cuts = (torch.linspace(0, 1, steps + 1, dtype=torch.float64, device=inputs.device) * size).round()
    start, end = (inputs, other) if mode == "deletion" else (other, inputs)
    shape = (-1, 1, *maps.shape[1:])

    def pieces() -> Iterator[Tensor]:
        for i in range(len(inputs)):
            for part in split(cuts[i], batch_size):
                exchanged = (ranks[i] < part[:, None]).reshape(shape)
                yield torch.where(exchanged, end[i], start[i])

    repeated = (
        targets[i].expand(len(part)) for i in range(len(inputs)) for part in split(cuts[i], batch_size)
    )
    curve = answers(model, pieces(), repeated, output=output, batch_size=batch_size)
    curve = curve.reshape(len(inputs), steps + 1)
    return curve.masked_fill(~finite[:, None].to(curve.device), torch.nan)


def area(curve: Tensor) -> Tensor:
    """Area under a curve over [0, 1] by the trapezoidal rule, ``[B]``."""
    return torch.trapezoid(curve, dim=1) / (curve.shape[1] - 1)


@model_metric(
    range=(0.0, 1.0),
    direction="lower",
    chance="permutation",
    attainable=_ATTAINABLE,
    degenerate=_DEGENERATE,
    source=_ABOUT,
)
def deletion(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    targets: Tensor,
    reference: Tensor | float,
    *,
    steps: int = 20,
    output: str = "probability",
    support: Tensor | None = None,
    sign: str = "signed",
    seed: int = 0,
    batch_size: int = 32,
) -> Tensor:
    """Area under the model's answer while the most relevant voxels are replaced by the reference.

    Range and direction are those of ``output="probability"``; arguments as for ``perturbation_curve``.
    """
    return area(
        perturbation_curve(
            model, inputs, maps, targets, reference, mode="deletion", steps=steps, output=output,
            support=support, sign=sign, seed=seed, batch_size=batch_size,
        )
    )  # fmt: skip


@model_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    attainable=_ATTAINABLE,
    degenerate=_DEGENERATE,
    source=_ABOUT,
)
def insertion(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    targets: Tensor,
    reference: Tensor | float,
    *,
    steps: int = 20,
    output: str = "probability",
    support: Tensor | None = None,
    sign: str = "signed",
    seed: int = 0,
    batch_size: int = 32,
) -> Tensor:
    """Area under the model's answer while the most relevant voxels are put into the reference.

    Range and direction are those of ``output="probability"``; arguments as for ``perturbation_curve``.
    """
    return area(
        perturbation_curve(
            model, inputs, maps, targets, reference, mode="insertion", steps=steps, output=output,
            support=support, sign=sign, seed=seed, batch_size=batch_size,
        )
    )  # fmt: skip
