"""Bounding boxes of components: filled unions, overlap, optimal matching."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor


def find_boxes(labels: Tensor) -> list[list[tuple[slice, ...]]]:
    """Bounding box of every numbered component, a list a sample, as slices.

    Parameters
    ----------
    labels
        ``[B, *S]``, integers, 0 outside.
    """
    found = []
    for numbers in labels.cpu().numpy():
        found.append(
            [box for box in ndimage.find_objects(numbers.astype(np.int32, copy=False)) if box is not None]
        )
    return found


def fill_boxes(labels: Tensor) -> Tensor:
    """Union of the filled bounding boxes, ``[B, *S]``, bool."""
    filled = np.zeros(labels.shape, dtype=bool)
    for sample, boxes in zip(filled, find_boxes(labels), strict=True):
        for box in boxes:
            sample[box] = True
    return torch.from_numpy(filled).to(labels.device)
