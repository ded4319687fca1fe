"""Small maps and masks that the tests of the room share."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.metrics import MapMetric, get, names

SHAPES = {2: (12, 10), 3: (6, 7, 8)}


def map_metrics() -> list[MapMetric]:
    """Every metric of a map in the catalogue."""
    return [metric for metric in map(get, names()) if isinstance(metric, MapMetric)]


def lesions(dims: int, samples: int = 3) -> Tensor:
    """Boolean masks with two lesions a sample, at other places in each."""
    masks = torch.zeros(samples, *SHAPES[dims], dtype=torch.bool)
    for i in range(samples):
        small = (slice(1, 3),) * (dims - 1)
        masks[(i, *small, slice(i, i + 2))] = True
        large = (slice(4, 6),) * (dims - 1)
        masks[(i, *large, slice(4, 7))] = True
    return masks


def noise(dims: int, samples: int = 3, seed: int = 0) -> Tensor:
    """Positive maps of independent uniform values."""
    return torch.rand(samples, *SHAPES[dims], generator=torch.Generator().manual_seed(seed)) + 0.01


def regions(dims: int, samples: int = 3) -> dict[str, Tensor]:
    """A mask for every region that a metric reads."""
    mask = torch.zeros(samples, *SHAPES[dims], dtype=torch.bool)
    mask[..., -1:] = True
    whole = torch.ones(samples, *SHAPES[dims], dtype=torch.bool)
    whole[..., -1] = False
    return {"distractor": mask, "confounder": mask, "suppressor": mask, "compartment": whole}
