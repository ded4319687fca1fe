"""Maps against the evidence that was planted and against the evidence that the network used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaigt.metrics.batch import MapBatch
from xaigt.metrics.declaration import MapMetric, model_metric
from xaigt.metrics.prediction import Model
from xaigt.metrics.replacement import instance_effects, used_instances
from xaigt.metrics.table import DEFAULT, score

if TYPE_CHECKING:
    import pandas as pd


def planted_and_used(
    maps: Tensor,
    instances: Tensor,
    effects: pd.DataFrame,
    metrics: Iterable[str | MapMetric] = DEFAULT,
    *,
    samples: Sequence[Any] | None = None,
    **batch: Any,
) -> pd.DataFrame:
    """Score maps against what was planted and against what the network used, and report the disagreement.

    A network may use one lesion of five; a map that shows that one is faithful and scores badly against
    what was planted. Lesions that were planted and not used are no truth here, and mass on them counts
    against the map.

    Parameters
    ----------
    maps, **batch
        As for :func:`xaigt.metrics.score`.
    instances
        ``[B, *S]``, instance numbers of the planted lesions.
    effects
        Of :func:`xaigt.metrics.instance_effects` for the same samples.
    metrics
        As for :func:`xaigt.metrics.score`.
    samples
        Names of the samples; 0, 1 ... by default.

    Returns
    -------
    pandas.DataFrame
        A row a metric and sample: sample, metric, planted, used (NaN where the network used none),
        disagreement (used - planted), lesions, lesions_used.
    """
    chosen = list(metrics)
    names = list(range(len(instances))) if samples is None else list(samples)
    kept = used_instances(instances, effects, samples=names)
    columns = {"sample": names}
    planted = score(maps, instances, chosen, columns=columns, **batch)
    used = score(maps, kept, chosen, columns=columns, **batch)
    table = planted[["sample", "metric"]].assign(planted=planted["value"], used=used["value"])
    counts = effects.groupby("sample")["used"].agg(["count", "sum"]).reindex(names, fill_value=0)
    return table.assign(
        disagreement=table["used"] - table["planted"],
        lesions=counts["count"].loc[table["sample"]].to_numpy(),
        lesions_used=counts["sum"].loc[table["sample"]].to_numpy(),
    )


@model_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    attainable="1, of a map whose mass on each lesion is proportional to the lesion's effect",
    signs=("relu", "abs"),
    degenerate={"all-zero map": "nan", "constant map": "any", "full mask": "any"},
    source="Ours: sum over lesions of min(share of the map's mass on lesions, share of the effects); the "
    "effect of a lesion is the mean of `alone` and `only` of instance_effects, at least 0",
)
def evidence_agreement(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    targets: Tensor,
    reference: Tensor | float,
    *,
    instances: Tensor,
    sign: str = "relu",
    output: str = "logit",
    batch_size: int = 32,
) -> Tensor:
    """Overlap of how a map and how the network distribute weight over the lesions.

    NaN where the network's answer falls by no lesion's replacement, where the map has no mass on lesions,
    and where a sample has fewer than two lesions, between which there is nothing to distribute.
    """
    effects = instance_effects(
        model, inputs, instances, targets, reference, output=output, batch_size=batch_size
    )
    batch = MapBatch(maps, instances, sign=sign)
    lesions = batch.instances
    mass = lesions.sums(batch.truth_values)
    table = effects.set_index(["sample", "instance"])
    keys = list(zip(lesions.sample.tolist(), lesions.number.tolist(), strict=True))
    mean = ((table["alone"] + table["only"]) / 2).clip(lower=0).reindex(keys)
    effect = torch.tensor(mean.to_numpy(), dtype=torch.float64, device=batch.device)

    def shares(weights: Tensor) -> Tensor:
        total = torch.bincount(lesions.sample, weights=weights, minlength=batch.size)
        return weights / torch.where(total > 0, total, torch.nan)[lesions.sample]

    common = torch.minimum(shares(mass), shares(effect))
    # minimum passes NaN on, and a sum keeps it.
    value = torch.bincount(lesions.sample, weights=common, minlength=batch.size)
    several = torch.bincount(lesions.sample, minlength=batch.size) > 1
    return torch.where(several & batch.finite, value, torch.nan)
