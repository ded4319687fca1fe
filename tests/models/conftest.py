"""Small data and quick settings for trainings on one thread."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xaigt.models.inputs import Images, Scaling
from xaigt.models.settings import Settings


def made_images(count, seed, size=(16, 16), split="train"):
    """Noise, with a bright square in the images of class 1: learnt within an epoch or two."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0.3, 0.05, (count, *size)).astype(np.float32)
    labels = np.arange(count) % 2
    for image, label in zip(pixels, labels, strict=True):
        if label:
            row, column = rng.integers(0, size[0] - 6, 2)
            image[..., row : row + 6, column : column + 6] += 0.4
    scaling = Scaling(0.0, 1.0, 0.3, 0.1)
    return Images(pixels, torch.from_numpy(labels), np.arange(count), split, scaling)


@pytest.fixture
def splits():
    return {"train": made_images(40, 0), "val": made_images(20, 1, split="val")}


@pytest.fixture
def quick():
    """Function that gives quick settings with changes."""

    def make(**changes):
        return Settings(**{"network": "small", "epochs": 3, "batch_size": 8, **changes})

    return make
