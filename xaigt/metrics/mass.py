"""Mass metrics: how much of a map's importance lies in the truth. Their sign policy leaves no negatives."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.metrics.batch import MapBatch
from xaigt.metrics.boxes import fill_boxes
from xaigt.metrics.declaration import UNINFORMATIVE_IS_CHANCE, MapMetric, map_metric

_UNSIGNED = ("relu", "abs")


def _share(batch: MapBatch) -> Tensor:
    return batch.share


def share_of_mass(batch: MapBatch, mass: Tensor, size: Tensor) -> Tensor:
    """Share ``mass / total``, ``[B]``; of a map without mass, the share of voxels, as of a flat map."""
    return torch.where(
        batch.total > 0,
        mass / batch.total.clamp(min=torch.finfo(torch.float64).tiny),
        size.double() / batch.count,
    )


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance=_share,
    signs=_UNSIGNED,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Relevance mass accuracy of Arras, Osman and Samek 2022; importance mass accuracy of XAI-TRIS "
    "(Clark, Wilming, Haufe 2024, doi 10.1007/s10994-024-06574-3)",
)
def mass_accuracy(batch: MapBatch) -> Tensor:
    """Share of the map's mass that lies in the truth (importance mass accuracy)."""
    return share_of_mass(batch, batch.per_sample(batch.truth_values), batch.truth_count)


@map_metric(
    range=(0.0, float("inf")),
    direction="higher",
    chance=1.0,
    signs=_UNSIGNED,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Mass accuracy over its chance level: mean importance in the truth over that in the support",
)
def relative_mass(batch: MapBatch) -> Tensor:
    """Mean importance in the truth over mean importance in the support: mass accuracy in units of chance."""
    return share_of_mass(batch, batch.per_sample(batch.truth_values), batch.truth_count) / batch.share


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance=lambda batch: _boxed(batch).sum(1).double() / batch.count,
    signs=_UNSIGNED,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Energy-based pointing game of Wang et al. 2020 (Score-CAM, arXiv 1910.01279); "
    "with several lesions, the union of a box each",
)
def energy_ratio(batch: MapBatch) -> Tensor:
    """Share of the map's mass that lies in the bounding boxes of the lesions (energy-based pointing game)."""
    boxed = _boxed(batch)
    mass = torch.where(boxed, batch.values, 0).sum(1, dtype=torch.float64)
    return share_of_mass(batch, mass, boxed.sum(1))


def _boxed(batch: MapBatch) -> Tensor:
    inside = fill_boxes(batch.labels).flatten(1)
    return inside if batch.evaluated is None else inside & batch.evaluated


@map_metric(
    range=(0.0, float("inf")),
    direction="higher",
    chance=1.0,
    signs=_UNSIGNED,
    degenerate=UNINFORMATIVE_IS_CHANCE,
    source="Relative mass of each lesion by itself, averaged over lesions: a small one counts as much as "
    "a large one; a value a lesion: xaigt.metrics.lesion_table",
)
def lesion_mass(batch: MapBatch) -> Tensor:
    """Relative mass a lesion: mean importance in it over that in the support, averaged over lesions."""
    instances = batch.instances
    flat = batch.total <= 0
    mean = instances.sums(batch.truth_values) / instances.size
    overall = batch.total.clamp(min=torch.finfo(torch.float64).tiny) / batch.count
    relative = torch.where(flat[instances.sample], 1.0, mean / overall[instances.sample])
    return instances.means(relative, batch.size)


def _region_mass(batch: MapBatch, name: str) -> Tensor:
    region = batch.region(name)
    size = region.sum(1)
    mass = torch.where(region, batch.values, 0).sum(1, dtype=torch.float64)
    return share_of_mass(batch, mass, size) / (size.double() / batch.count)


def _declare_region(name: str, what: str) -> MapMetric:
    def compute(batch: MapBatch) -> Tensor:
        return _region_mass(batch, name)

    compute.__name__ = f"{name}_mass"
    compute.__doc__ = f"Relative mass on {what}: mean importance there over mean importance in the support."
    return map_metric(
        range=(0.0, float("inf")),
        direction="lower",
        chance=1.0,
        signs=_UNSIGNED,
        degenerate={**UNINFORMATIVE_IS_CHANCE, "empty mask": "any", "full mask": "any"},
        region=name,
        source=f"Relative mass, with the {name} mask in place of the truth; NaN where the sample has none",
    )(compute)


distractor_mass = _declare_region("distractor", "distractors, lesions that every class has alike")
confounder_mass = _declare_region(
    "confounder", "confounders, which correlate with the class and are not the lesion"
)
suppressor_mass = _declare_region(
    "suppressor", "suppressors, background that correlates with the lesion signal"
)
