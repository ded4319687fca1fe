"""Large batches in blocks, so that what is in work fits into the cache and memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from xaigt.metrics.batch import Array, MapBatch

VOXELS = 1 << 20  # 4 MiB of float32; on a GPU, where launches cost more than memory, 64 times that


def blocks(
    maps: Array,
    masks: Array,
    *,
    support: Array | None = None,
    ignore: Array | None = None,
    regions: Mapping[str, Array] | None = None,
    **common: Any,
) -> Iterator[MapBatch]:
    """Prepare a batch in blocks of whole samples, about :data:`VOXELS` voxels each, at least one sample.

    Every sample scores as it does alone, so blocks change no value. Arguments as of :class:`MapBatch`.
    """
    tensor = torch.as_tensor(maps)
    limit = VOXELS if tensor.device.type == "cpu" else 64 * VOXELS
    count = len(tensor) if tensor.ndim else 0
    step = max(1, limit // max(1, math.prod(tensor.shape[1:])))
    if count <= step or len(masks) != count:
        yield MapBatch(tensor, masks, support=support, ignore=ignore, regions=regions, **common)
        return

    def part(mask: Array | None, start: int) -> Array | None:
        whole = mask is None or mask.ndim != tensor.ndim or len(mask) != count
        return mask if whole or mask is None else mask[start : start + step]

    for start in range(0, count, step):
        yield MapBatch(
            tensor[start : start + step],
            masks[start : start + step],
            support=part(support, start),
            ignore=part(ignore, start),
            regions={
                name: mask
                for name, full in (regions or {}).items()
                if (mask := part(full, start)) is not None
            },
            **common,
        )
