"""Surface distance, from MONAI: how far the outline of the thresholded map lies from the lesions'."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from xaigt.metrics.batch import SIGNS, MapBatch
from xaigt.metrics.declaration import UNINFORMATIVE_IS_NAN, map_metric
from xaigt.metrics.thresholds import ThresholdLike, binarize

_OF = "of the surface of the thresholded map and the surface of the truth, both ways, between voxel centres"


def _masks(batch: MapBatch, threshold: ThresholdLike, scale: str) -> tuple[Tensor, Tensor, Tensor]:
    predicted = binarize(batch, threshold, scale)
    truth = batch.truth.reshape(predicted.shape)
    both = predicted.flatten(1).any(1) & truth.flatten(1).any(1)
    return predicted, truth, both


@map_metric(
    range=(0.0, float("inf")),
    direction="lower",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_NAN,
    source=f"monai.metrics.compute_average_surface_distance(symmetric=True): mean distance {_OF}",
)
def surface_distance(batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax") -> Tensor:
    """Mean symmetric surface distance of the thresholded map and the truth, in mm (voxels without a spacing).

    NaN where nothing is predicted: no distance says how far nothing is from a lesion.
    """
    from monai.metrics import compute_average_surface_distance

    predicted, truth, both = _masks(batch, threshold, scale)
    out = batch.nan()
    if bool(both.any()):
        with _quiet():
            found = compute_average_surface_distance(
                predicted[both][:, None], truth[both][:, None], True, symmetric=True, spacing=_spacing(batch)
            )
        out[both] = found[:, 0].to(out)
    return out


@map_metric(
    range=(0.0, float("inf")),
    direction="lower",
    chance="permutation",
    signs=SIGNS,
    degenerate=UNINFORMATIVE_IS_NAN,
    source=f"monai.metrics.compute_hausdorff_distance: percentile of the distances {_OF}",
)
def hausdorff_distance(
    batch: MapBatch, *, threshold: ThresholdLike = 0.5, scale: str = "minmax", percentile: float = 95.0
) -> Tensor:
    """Hausdorff distance (95th percentile) of the thresholded map and the truth, in mm (or voxels).

    NaN where nothing is predicted.
    """
    from monai.metrics import compute_hausdorff_distance

    predicted, truth, both = _masks(batch, threshold, scale)
    out = batch.nan()
    if bool(both.any()):
        with _quiet():
            found = compute_hausdorff_distance(
                predicted[both][:, None],
                truth[both][:, None],
                include_background=True,
                percentile=percentile,
                spacing=_spacing(batch),
            )
        out[both] = torch.as_tensor(found)[:, 0].to(out)
    return out


@contextmanager
def _quiet() -> Iterator[None]:
    # MONAI 1.6 warns of an option that it sets itself.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _spacing(batch: MapBatch) -> list[float]:
    return [float(value) for value in batch.spacing]
