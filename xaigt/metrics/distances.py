"""Distances in millimetres (or voxels) to a mask."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from xaigt.metrics.batch import MapBatch


def distance_to(batch: MapBatch) -> Tensor:
    """Distance of every voxel to the nearest truth voxel, ``[B, *S]``, float64; infinite without truth.

    Exact Euclidean distance transform between voxel centres, in mm where the batch has a spacing.
    """
    truth = batch.truth.reshape(batch.size, *batch.shape).cpu().numpy()
    out = np.full(truth.shape, np.inf)
    for i, mask in enumerate(truth):
        if mask.any():
            out[i] = ndimage.distance_transform_edt(~mask, sampling=batch.spacing)
    return torch.from_numpy(out).to(batch.device)
