"""Instances: which lesions a map finds, and which of its findings are lesions; by size and by subtype."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics.batch import SIGNS, Array, MapBatch
from xaigt.metrics.components import Instances, label
from xaigt.metrics.declaration import UNINFORMATIVE_IS_ZERO, map_metric
from xaigt.metrics.thresholds import ThresholdLike, binarize

if TYPE_CHECKING:
    import pandas as pd

_FOUND = "A lesion is found where more than the given share of it is above the threshold (0: any voxel)"


def _coverage(batch: MapBatch, above: Tensor) -> Tensor:
    """Share of each lesion that is predicted, ``[R]``."""
    return batch.instances.sums(above.flatten()[batch.positions]) / batch.instances.size


def _findings(batch: MapBatch, above: Tensor, connectivity: int | None) -> tuple[Instances, Tensor, Tensor]:
    """Find the predicted components, voxels of each that are truth, and the position of every voxel."""
    positions = above.flatten().nonzero()[:, 0]
    rows = positions // batch.values.shape[1]
    found = Instances.of(rows, label(above, connectivity).flatten()[positions])
    return found, found.sums(batch.truth.flatten()[positions]), positions


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source=_FOUND,
)
def lesion_recall(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", coverage: float = 0.0
) -> Tensor:
    """Share of the lesions that the thresholded map finds."""
    found = _coverage(batch, binarize(batch, threshold, scale)) > coverage
    return batch.instances.means(found, batch.size)


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_ZERO,
    source="A component is right where more than the given share of it is truth (0: any voxel); none: 0",
)
def lesion_precision(
    batch: MapBatch,
    *,
    threshold: ThresholdLike = 0.5,
    scale: str = "minmax",
    coverage: float = 0.0,
    connectivity: int | None = None,
) -> Tensor:
    """Share of the connected components of the thresholded map that lie on a lesion."""
    found, hits, _ = _findings(batch, binarize(batch, threshold, scale), connectivity)
    return found.means(hits / found.size > coverage, batch.size).nan_to_num(0.0)


def lesion_table(
    maps: Array,
    masks: Array,
    *,
    threshold: ThresholdLike = 0.5,
    scale: str = "minmax",
    coverage: float = 0.0,
    subtypes: Sequence[Mapping[int, str]] | None = None,
    sizes: Sequence[float] = (),
    samples: Sequence[Any] | None = None,
    **batch: Any,
) -> pd.DataFrame:
    """Score every lesion by itself.

    Parameters
    ----------
    maps, masks, **batch
        As for every metric of a map; integer masks number the lesions.
    threshold, scale, coverage
        A lesion is found where more than ``coverage`` of it is above the threshold.
    subtypes
        For each sample, instance number -> subtype.
    sizes
        Limits between size groups, in mm3 with a spacing, else in voxels: ``(100, 1000)`` makes three groups.
    samples
        Names of the samples; 0, 1 ... by default.

    Returns
    -------
    pandas.DataFrame
        A row a lesion: sample, instance, subtype, voxels, volume (mm3, or voxels), size_group, coverage,
        found, mass_share (of the map's mass), relative_mass (mean importance over that of the support; NaN
        with ``sign="signed"``). Lesions of samples without a finite map have NaN.
    """
    import pandas as pd

    prepared = MapBatch(maps, masks, **batch)
    lesions = prepared.instances
    covered = _coverage(prepared, binarize(prepared, threshold, scale))
    mass = lesions.sums(prepared.truth_values)
    total = torch.where(prepared.total > 0, prepared.total, torch.nan)[lesions.sample]
    if prepared.sign == "signed":
        total = torch.full_like(total, torch.nan)
    share = mass / total
    known = prepared.finite[lesions.sample]
    covered = torch.where(known, covered, torch.nan)
    table = _described(prepared, lesions, sizes, samples)
    table.insert(2, "subtype", _subtypes(table, lesions, subtypes))
    table["coverage"] = covered.tolist()
    table["found"] = pd.array(
        [None if math.isnan(value) else value > coverage for value in covered.tolist()], dtype="boolean"
    )
    table["mass_share"] = share.tolist()
    table["relative_mass"] = (share / (lesions.size.double() / prepared.count[lesions.sample])).tolist()
    return table


def component_table(
    maps: Array,
    masks: Array,
    *,
    threshold: ThresholdLike = 0.5,
    scale: str = "minmax",
    coverage: float = 0.0,
    connectivity: int | None = None,
    subtypes: Sequence[Mapping[int, str]] | None = None,
    sizes: Sequence[float] = (),
    samples: Sequence[Any] | None = None,
    **batch: Any,
) -> pd.DataFrame:
    """Judge every connected component of the thresholded maps.

    Parameters
    ----------
    maps, masks, threshold, scale, coverage, connectivity, subtypes, sizes, samples, **batch
        As for :func:`lesion_table`; a component is right where more than ``coverage`` of it is truth.

    Returns
    -------
    pandas.DataFrame
        A row a component: sample, instance (its number), subtype (of the lesion it covers most of; none if
        it is wrong), voxels, volume, size_group, purity (share that is truth), found (whether it is right).
    """
    prepared = MapBatch(maps, masks, **batch)
    found, hits, positions = _findings(prepared, binarize(prepared, threshold, scale), connectivity)
    purity = hits / found.size
    table = _described(prepared, found, sizes, samples)
    lesion = _largest(found, prepared.labels.flatten()[positions] * prepared.truth.flatten()[positions])
    right = purity > coverage
    kinds = [
        subtypes[row].get(number) if subtypes is not None and number and ok else None
        for row, number, ok in zip(found.sample.tolist(), lesion.tolist(), right.tolist(), strict=True)
    ]
    table.insert(2, "subtype", kinds)
    table["purity"], table["found"] = purity.tolist(), right.tolist()
    return table


def rates(table: pd.DataFrame, by: str | Sequence[str] = ()) -> pd.DataFrame:
    """Recall (of a lesion table) or precision (of a component table), in all or by subtype or size group.

    Parameters
    ----------
    table
        Of :func:`lesion_table` or :func:`component_table`.
    by
        Columns to group by, such as ``subtype`` or ``["subtype", "size_group"]``.

    Returns
    -------
    pandas.DataFrame
        A row a group: the group, rate, found, count. Lesions without a finite map do not count.
    """
    known = table[table["found"].notna()].assign(found=lambda t: t["found"].astype(float))
    keys = [by] if isinstance(by, str) else list(by)
    grouped = known.groupby(keys, dropna=False, observed=True) if keys else known.groupby(lambda _: "all")
    return grouped["found"].agg(rate="mean", found="sum", count="count").reset_index(drop=not keys)


def _described(
    batch: MapBatch, found: Instances, sizes: Sequence[float], samples: Sequence[Any] | None
) -> pd.DataFrame:
    import pandas as pd

    if samples is not None and len(samples) != batch.size:
        raise XaigtError(f"{len(samples)} names for {batch.size} samples.")
    limits = [float(limit) for limit in sizes]
    if limits != sorted(set(limits)):
        raise XaigtError(f"sizes must rise: {limits}.")
    volume = found.size.cpu().numpy() * math.prod(batch.spacing)
    edges = [0.0, *limits, math.inf]
    groups = [
        f"{low:g}-{high:g}" if high < math.inf else f">= {low:g}" for low, high in itertools.pairwise(edges)
    ]
    chosen = np.searchsorted(limits, volume, side="right")
    return pd.DataFrame(
        {
            "sample": [samples[i] if samples is not None else i for i in found.sample.tolist()],
            "instance": found.number.tolist(),
            "voxels": found.size.tolist(),
            "volume": volume,
            "size_group": pd.Categorical([groups[i] for i in chosen], groups, ordered=True),
        }
    )


def _subtypes(
    table: pd.DataFrame, lesions: Instances, subtypes: Sequence[Mapping[int, str]] | None
) -> list[str | None]:
    if subtypes is None:
        return [None] * len(table)
    return [
        subtypes[row].get(number)
        for row, number in zip(lesions.sample.tolist(), lesions.number.tolist(), strict=True)
    ]


def _largest(found: Instances, numbers: Tensor) -> Tensor:
    """Find the number of the lesion that has most voxels in each component, ``[R]``; 0 for none."""
    width = int(numbers.max()) + 1 if len(numbers) else 1
    counts = torch.bincount(found.of_voxel * width + numbers.long(), minlength=len(found.size) * width)
    counts = counts.reshape(-1, width)
    counts[:, 0] = 0
    return torch.where(counts.sum(1) > 0, counts.argmax(1), 0)
