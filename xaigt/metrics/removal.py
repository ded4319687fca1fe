"""ROAD: remove and debias, perturbation by imputation instead of by a constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics.declaration import UNINFORMATIVE_IS_CHANCE, model_metric
from xaigt.metrics.imputation import impute
from xaigt.metrics.perturbation import relevance_order
from xaigt.metrics.prediction import Model, answers, checked, split

FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def road_curve(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    targets: Tensor,
    *,
    first: str = "most",
    fractions: Sequence[float] = FRACTIONS,
    noise: float = 0.01,
    output: str = "logit",
    sign: str = "signed",
    seed: int = 0,
    batch_size: int = 32,
) -> Tensor:
    """Record the model's answer with fractions of the voxels imputed, ``[B, fractions]``, float64.

    Parameters
    ----------
    model, inputs, maps, targets, output, sign, seed, batch_size
        As for ``perturbation_curve``.
    first
        Whether the ``most`` or the ``least`` relevant voxels are removed first.
    fractions
        Shares of the voxels that are removed, between 0 and 1.
    noise
        Standard deviation of the imputation's noise, in units of the inputs.
    """
    if first not in ("most", "least") or not fractions or not all(0 < f < 1 for f in fractions):
        raise XaigtError(
            f"first is 'most' or 'least', fractions lie between 0 and 1; got {first!r}, {fractions}."
        )
    _, targets = checked(inputs, maps, targets, 0.0)
    ranks, finite = relevance_order(maps, sign=sign, seed=seed)
    size = ranks.shape[1]
    cuts = torch.tensor([round(f * size) for f in fractions], device=ranks.device).clamp(max=size - 1)

    def pieces() -> Iterator[Tensor]:
        for image, rank in zip(inputs, ranks, strict=True):
            for part in split(cuts, batch_size):
                removed = rank < part[:, None] if first == "most" else rank >= size - part[:, None]
                yield impute(
                    image.expand(len(part), *image.shape),
                    removed.reshape(-1, *maps.shape[1:]),
                    noise=noise,
                    seed=seed,
                )

    repeated = (target.expand(len(part)) for target in targets for part in split(cuts, batch_size))
    curve = answers(model, pieces(), repeated, output=output, batch_size=batch_size)
    return curve.reshape(len(inputs), -1).masked_fill(~finite[:, None].to(curve.device), torch.nan)


@model_metric(
    range=(-float("inf"), float("inf")),
    direction="higher",
    chance=0.0,
    attainable="none: the best order depends on the model",
    degenerate={**UNINFORMATIVE_IS_CHANCE, "empty mask": "any", "full mask": "any"},
    source="Rong et al. 2022 (ROAD, arXiv 2202.00449); combined as in grad-cam's ROADCombined: (least - most "
    "relevant first) / 2, mean over fractions. Chance: a random order is on average its own reverse",
)
def road(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    targets: Tensor,
    reference: object = None,
    *,
    fractions: Sequence[float] = FRACTIONS,
    noise: float = 0.01,
    output: str = "logit",
    sign: str = "signed",
    seed: int = 0,
    batch_size: int = 32,
) -> Tensor:
    """ROAD: how much more the answer suffers when the most, not the least, relevant voxels are imputed.

    ``reference`` is not used: removed voxels are imputed from their neighbours.
    """
    curves = [
        road_curve(
            model, inputs, maps, targets, first=first, fractions=fractions, noise=noise, output=output,
            sign=sign, seed=seed, batch_size=batch_size,
        )
        for first in ("least", "most")
    ]  # fmt: skip
    return (curves[0] - curves[1]).mean(1) / 2
