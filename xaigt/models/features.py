"""Outputs of a frozen prefix, computed once: what an epoch at a small depth does not have to repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xaigt.dataset.files import free_bytes
from xaigt.models.inputs import Images, storage
from xaigt.models.network import Network

Positions = npt.NDArray[np.int64] | slice


class Source(Protocol):
    """Gives the inputs of what is trained, by position in a split."""

    def __len__(self) -> int: ...

    def batch(self, positions: Positions, device: torch.device | None = None) -> Tensor:
        """Inputs ``[B, ...]``."""


class CachedFeatures:
    """Features of a whole split after `frozen` stages, in memory or in a memory map.

    Parameters
    ----------
    network
        Its first `frozen` stages are run in evaluation mode.
    images
        Inputs that are not augmented.
    frozen
        Number of stages.
    limit
        Bytes of memory; what is larger goes to a file in `folder` that vanishes with the process.
    """

    def __init__(
        self, network: Network, images: Images, frozen: int, *, limit: int, folder: Path, batch_size: int,
        device: torch.device,
    ) -> None:  # fmt: skip
        for _, stage in network.stages[:frozen]:
            stage.eval()
        total = len(images)
        self.values: npt.NDArray[np.float32] = np.empty(0, np.float32)
        with torch.inference_mode():
            for start in range(0, total, batch_size):
                part = slice(start, min(start + batch_size, total))
                found = network.prefix(images.batch(part, device), frozen).float().cpu().numpy()
                if start == 0:
                    self.values = storage((total, *found.shape[1:]), "float32", limit, folder)
                self.values[part] = found

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, positions: Positions, device: torch.device | None = None) -> Tensor:
        features = torch.from_numpy(np.ascontiguousarray(self.values[positions]))
        return features.to(device) if device is not None else features


def feature_bytes(network: Network, images: Images, frozen: int, device: torch.device) -> int:
    """Bytes that the features of a split take."""
    network.eval()
    with torch.inference_mode():
        one = network.prefix(images.batch(slice(0, 1), device), frozen)
    return one.numel() * 4 * len(images)


def cached(
    network: Network, splits: dict[str, Images], frozen: int, *, limit: int, folder: Path, batch_size: int,
    device: torch.device,
) -> dict[str, Source] | None:  # fmt: skip
    """Features of every split, or None where the disk has no room for what exceeds `limit` bytes."""
    sizes = {name: feature_bytes(network, images, frozen, device) for name, images in splits.items()}
    spilt = sum(size for size in sizes.values() if size > limit // len(splits))
    if spilt and free_bytes(folder) < 2 * spilt:
        return None
    return {
        name: CachedFeatures(
            network, images, frozen, limit=limit // len(splits), folder=folder, batch_size=batch_size, device=device
        )
        for name, images in splits.items()
    }
