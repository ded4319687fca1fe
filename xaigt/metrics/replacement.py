"""Counterfactual faithfulness: what an answer loses when lesions are replaced by the twin's tissue.

Because every sample has a healthy twin (same subject, same noise, no lesion), single lesions can be taken
out of an image without leaving the distribution of images. That tells which of the planted lesions the
network used, which no reference made of blur or zeros can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics.prediction import Model, answers, checked

if TYPE_CHECKING:
    import pandas as pd


def footprints(
    instances: Tensor, inputs: Tensor, twins: Tensor, *, epsilon: float = 0.0, reach: float | None = None
) -> Tensor:
    """Extend every instance to all voxels it altered, ``[B, *S]``, integers.

    A nominal mask is not the evidence: partial volume and blur alter voxels around it, and a replacement
    that leaves them behind leaves a ghost of the lesion. Every voxel that differs from the twin goes to the
    nearest instance; voxels of the mask that do not differ stay with it.

    Parameters
    ----------
    instances
        ``[B, *S]``, instance numbers of the nominal masks.
    inputs, twins
        ``[B, C, *S]``.
    epsilon
        Difference up to which a voxel counts as unaltered.
    reach
        Largest distance in voxels from an instance; no limit by default.
    """
    altered = ((inputs - twins).abs() > epsilon).any(1).cpu().numpy()
    numbers = instances.cpu().numpy().astype(np.int64)
    for number, differs in zip(numbers, altered, strict=True):
        outside = number == 0
        if outside.all() or not (differs & outside).any():
            continue
        distance, nearest = ndimage.distance_transform_edt(outside, return_indices=True)
        take = differs & outside if reach is None else differs & outside & (distance <= reach)
        number[take] = number[tuple(nearest)][take]
    return torch.from_numpy(numbers).to(instances.device)


def instance_effects(
    model: Model,
    inputs: Tensor,
    instances: Tensor,
    targets: Tensor,
    reference: Tensor | float,
    *,
    share: float = 0.25,
    minimum: float = 0.0,
    output: str = "logit",
    samples: Sequence[Any] | None = None,
    batch_size: int = 32,
) -> pd.DataFrame:
    """Change of the answer when whole instances are replaced, one at a time and together.

    With the healthy (or class-swapped) twin as reference, every image that the model sees is one that could
    have been generated. Any other reference (0, a blurred image), and regions that cut through a lesion,
    show the model images that its training never did: **out of distribution**, to be read with care.

    Parameters
    ----------
    model
        Any callable ``[B, C, *S] -> logits``.
    inputs, targets
        ``[B, C, *S]`` and ``[B]``.
    instances
        ``[B, *S]``, region numbers: of whole lesions (best with their :func:`footprints`), or of any parts.
    reference
        What stands in place of a region: broadcast to the inputs.
    share, minimum
        An instance counts as used if its effect, alone or as the only one, is at least ``share`` of the
        effect of all together, and that one is more than ``minimum``.
    output
        ``logit``, ``probability`` or ``sigmoid``.
    samples
        Names of the samples; 0, 1 ... by default.
    batch_size
        Inputs a forward pass.

    Returns
    -------
    pandas.DataFrame
        A row an instance: sample, instance, voxels; ``answer`` of the model to the input; ``alone``: how much
        the answer falls when this instance is replaced and the others stay; ``only``: how much it rises when
        this one stays and all others are replaced, over all replaced; ``together``: how much it falls when
        all are replaced; ``whole``: how much it falls when the entire image is replaced by the reference;
        ``used``. Two lesions of which either suffices have ``alone`` near 0 and ``only`` near ``together``.
    """
    import pandas as pd

    other, targets = checked(inputs, instances, targets, reference)
    numbers = [torch.unique(sample[sample != 0]).tolist() for sample in instances]

    def pieces() -> Iterator[Tensor]:
        for image, twin, labels, found in zip(inputs, other, instances, numbers, strict=True):
            for replaced in _replaced(labels, found):
                yield torch.where(replaced, twin, image)[None]

    repeated = (
        target[None]
        for target, found in zip(targets, numbers, strict=True)
        for _ in range(3 + 2 * len(found))
    )
    scores = iter(answers(model, pieces(), repeated, output=output, batch_size=batch_size).tolist())
    rows = []
    for i, found in enumerate(numbers):
        answer, none, whole = (next(scores) for _ in range(3))
        for number in found:
            alone, only = answer - next(scores), next(scores) - none
            together = answer - none
            used = together > minimum and max(alone, only) >= share * together
            voxels = int((instances[i] == number).sum())
            name = i if samples is None else samples[i]
            rows.append((name, number, voxels, answer, alone, only, together, answer - whole, used))
    names = ["sample", "instance", "voxels", "answer", "alone", "only", "together", "whole", "used"]
    return pd.DataFrame(rows, columns=names).astype({"used": bool})


def _replaced(labels: Tensor, numbers: list[int]) -> Iterator[Tensor]:
    """Yield where to replace: nowhere, at all instances, everywhere; then each instance, and all but it."""
    any_instance = labels != 0
    yield torch.zeros_like(any_instance)
    yield any_instance
    yield torch.ones_like(any_instance)
    for number in numbers:
        yield labels == number
        yield any_instance & (labels != number)


def used_instances(
    instances: Tensor, effects: pd.DataFrame, *, samples: Sequence[Any] | None = None
) -> Tensor:
    """Keep the instances that the network used: what was planted -> what was used, ``[B, *S]``.

    Parameters
    ----------
    instances
        ``[B, *S]``, the planted instances.
    effects
        Of :func:`instance_effects` for the same samples.
    samples
        Their names there; 0, 1 ... by default.
    """
    names = list(range(len(instances))) if samples is None else list(samples)
    if len(names) != len(instances):
        raise XaigtError(f"{len(names)} names for {len(instances)} samples.")
    kept = torch.zeros_like(instances)
    used = effects[effects["used"]]
    for i, name in enumerate(names):
        numbers = torch.tensor(used.loc[used["sample"] == name, "instance"].tolist(), device=instances.device)
        kept[i] = torch.where(torch.isin(instances[i], numbers.to(instances.dtype)), instances[i], 0)
    return kept
