"""Random draws that hang on a sample's own content, so that they are the same in any batch and order."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor


def generators(inputs: Tensor, seed: int, purpose: str) -> list[np.random.Generator]:
    """One generator a sample, keyed by the seed, the purpose and the values of the sample.

    Parameters
    ----------
    inputs : Tensor[B, ...]
        Batch; read as float32 on the CPU, so a device does not change the draw.
    seed
        Chosen by the caller.
    purpose
        Keeps the draws of different explainers apart.
    """
    found = []
    for sample in inputs.detach().to("cpu", torch.float32):
        digest = hashlib.blake2b(sample.contiguous().numpy().tobytes(), digest_size=16)
        digest.update(f"{seed}/{purpose}".encode())
        found.append(np.random.default_rng(int.from_bytes(digest.digest(), "little")))
    return found
