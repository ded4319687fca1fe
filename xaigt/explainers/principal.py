"""The first principal component of positions, by Gram matrix, with a sign that means something."""

from __future__ import annotations

import torch
from torch import Tensor


def principal_map(features: Tensor) -> Tensor:
    """Project every position on the first principal component of its features.

    Positions are observations and channels are variables; the features are centred over positions. The
    component comes from the smaller of the two Gram matrices (channels or positions), not from a full SVD.
    The sign of a principal component is arbitrary: :func:`oriented` fixes it.

    Parameters
    ----------
    features : Tensor[B, C, *grid]
        Activations, or gradients times activations.

    Returns
    -------
    Tensor[B, *grid]
        Zero for a sample whose features do not vary; NaN for a sample with a NaN or an infinity.
    """
    batch, _, *grid = features.shape
    matrix = features.flatten(2)
    matrix = matrix - matrix.mean(2, keepdim=True)
    finite = matrix.isfinite().all(2).all(1)
    matrix = torch.where(finite[:, None, None], matrix, 0.0)
    # Scaling keeps the squares of tiny gradients and of large logits in the range of float32.
    scale = matrix.abs().amax((1, 2), keepdim=True)
    matrix = matrix / torch.where(scale > 0, scale, 1.0)
    maps = torch.stack([_project(sample) for sample in matrix]) * scale[:, :, 0]
    maps = oriented(maps, matrix.sum(1))
    return torch.where(finite[:, None], maps, torch.nan).reshape(batch, *grid)


def _project(matrix: Tensor) -> Tensor:
    channels, positions = matrix.shape
    projection: Tensor
    if channels <= positions:
        _, vectors = torch.linalg.eigh(matrix @ matrix.T)
        projection = vectors[:, -1] @ matrix
    else:
        values, vectors = torch.linalg.eigh(matrix.T @ matrix)
        projection = vectors[:, -1] * values[-1].clamp(min=0.0).sqrt()
    return projection


def oriented(maps: Tensor, reference: Tensor) -> Tensor:
    """Give each map the sign with which it agrees with a reference.

    Parameters
    ----------
    maps, reference : Tensor[B, P]
        Maps of arbitrary sign; what they should agree with: the sum over channels of the centred features.

    Returns
    -------
    Tensor[B, P]
        Maps whose inner product with the reference is not negative. Where the two are orthogonal (to 1e-5 of
        the product of their norms), the entry of the largest magnitude is made positive.
    """
    inner = (maps * reference).sum(1)
    norms = maps.norm(dim=1) * reference.norm(dim=1)
    peak = maps.gather(1, maps.abs().argmax(1, keepdim=True))[:, 0]
    deciding = torch.where(inner.abs() > 1e-5 * norms, inner, peak)
    return torch.where(deciding < 0, -1.0, 1.0)[:, None] * maps
