"""Compartment precision: how much of a map stays where its class of lesion can be."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.metrics.batch import SIGNS, MapBatch
from xaigt.metrics.declaration import map_metric
from xaigt.metrics.thresholds import ThresholdLike, binarize, count


@map_metric(
    range=(0.0, 1.0),
    direction="higher",
    chance=lambda batch: batch.region("compartment").sum(1).double() / batch.count,
    signs=SIGNS,
    degenerate={
        "all-zero map": 0.0,
        "constant map": 0.0,
        "empty mask": "any",
        "full mask": "any",
    },
    region="compartment",
    attainable="1 where lesions lie in their compartment; seen through a coarse grid they leak out of it",
    source="OrganIoU of Draelos and Carin (arXiv 2011.08891, as read in their public code): a / (a + b), a "
    "voxels above the threshold inside the allowed region, b outside",
)
def compartment_precision(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", compat: bool = False
) -> Tensor:
    """Share of the thresholded map that lies in the region ``compartment``, where the class may occur.

    ``compat=True`` reproduces the published code, in which a map wholly inside scores 0 as does one wholly
    outside (it returns 0 when a or b is 0).
    """
    region = batch.region("compartment")
    inside = (binarize(batch, threshold, scale).flatten(1) & region).sum(1).double()
    predicted = count(batch, threshold, scale).predicted
    value = inside / predicted.clamp(min=1)
    return torch.where(inside == predicted, 0.0, value) if compat else value
