"""Bounding boxes of numbered components."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

Box = tuple[slice, ...]


def find_boxes(labels: Tensor) -> list[list[Box]]:
    """Bounding box of every numbered component, a list a sample, as slices.

    Parameters
    ----------
    labels
        ``[B, *S]``, integers, 0 outside.
    """
    return [
        [box for box in ndimage.find_objects(numbers.astype(np.int32, copy=False)) if box is not None]
        for numbers in labels.cpu().numpy()
    ]


def paint(boxes: list[list[Box]], shape: tuple[int, ...]) -> np.ndarray:
    """Union of the filled boxes of each sample, ``[B, *S]``, bool."""
    filled = np.zeros((len(boxes), *shape), dtype=bool)
    for sample, found in zip(filled, boxes, strict=True):
        for box in found:
            sample[box] = True
    return filled


def fill_boxes(labels: Tensor) -> Tensor:
    """Union of the filled bounding boxes of numbered components, ``[B, *S]``, bool."""
    return torch.from_numpy(paint(find_boxes(labels), tuple(labels.shape[1:]))).to(labels.device)
