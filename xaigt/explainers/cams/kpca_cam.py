"""KPCA-CAM (Karmani et al. 2024, arXiv 2410.00267): Eigen-CAM with a kernel."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.principal import oriented


def kpca_cam(
    activations: Tensor,
    *,
    kernel: Literal["sigmoid", "rbf", "linear"] = "sigmoid",
    gamma: float | None = None,
    max_positions: int = 4096,
) -> Tensor:
    """First kernel principal component of the positions; it knows no class.

    Parameters
    ----------
    activations : Tensor[B, C, *grid]
        Activation of the stage; centred over positions before the kernel is taken.
    kernel
        ``sigmoid`` tanh(gamma x.y + 1), ``rbf`` exp(-gamma |x - y|^2), or ``linear`` x.y.
    gamma
        Scale of the kernel; None is 1 / C.
    max_positions
        The kernel matrix has positions squared entries; above this many the stage is refused.

    Returns
    -------
    Tensor[B, *grid]
        Signed as :func:`xaigt.explainers.eigencam` is. Zero for constant, NaN for non-finite activations.
    """
    batch, channels, *grid = activations.shape
    matrix = activations.flatten(2).transpose(1, 2).double()
    positions = matrix.shape[1]
    if positions > max_positions:
        raise ExplainerError(
            f"kpca-cam: a grid of {tuple(grid)} has {positions} positions, more than max_positions="
            f"{max_positions}: choose a later stage, or raise it (memory grows with its square)"
        )
    finite = matrix.isfinite().all(2).all(1)
    matrix = torch.where(finite[:, None, None], matrix, 0.0)
    matrix = matrix - matrix.mean(1, keepdim=True)
    gamma = 1.0 / channels if gamma is None else gamma
    maps = torch.stack([_component(_kernel(sample, kernel, gamma)) for sample in matrix])
    varies = matrix.abs().amax((1, 2)) > 0
    maps = oriented(torch.where(varies[:, None], maps, 0.0), matrix.sum(2))
    return torch.where(finite[:, None], maps, torch.nan).to(activations.dtype).reshape(batch, *grid)


def _kernel(x: Tensor, kernel: str, gamma: float) -> Tensor:
    if kernel == "sigmoid":
        return torch.tanh(gamma * (x @ x.T) + 1.0)
    if kernel == "rbf":
        return torch.exp(-gamma * torch.cdist(x, x).square())
    if kernel == "linear":
        return x @ x.T
    raise ExplainerError(f"kpca-cam: kernel={kernel!r}: use 'sigmoid', 'rbf' or 'linear'")


def _component(gram: Tensor) -> Tensor:
    rows = gram.mean(1, keepdim=True)
    gram = gram - rows - rows.T + gram.mean()
    if gram.shape[0] <= 512:
        values, vectors = torch.linalg.eigh(gram)
        component: Tensor = vectors[:, -1] * values[-1].clamp(min=0.0).sqrt()
        return component
    start = gram[:, gram.diagonal().argmax()][:, None]  # no random start: the result must repeat
    if not bool(start.any()):
        return start[:, 0]
    values, vectors = torch.lobpcg(gram, X=start, niter=500, tol=1e-12)
    return vectors[:, 0] * values[0].clamp(min=0.0).sqrt()
