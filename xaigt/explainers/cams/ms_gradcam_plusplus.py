"""Multi-scale Grad-CAM++: Grad-CAM++ maps of several stages, fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from xaigt.explainers.cams.gradcam_plusplus import gradcam_plusplus
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.postprocessing import postprocess


def ms_gradcam_plusplus(
    stage_activations: Mapping[str, Tensor],
    stage_gradients: Mapping[str, Tensor],
    *,
    layers: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    reduce: Literal["mean", "max", "product"] = "mean",
    eps: float = 0.0,
) -> Tensor:
    """Fuse the Grad-CAM++ maps of several stages on the finest of their grids.

    Each map is divided by its largest magnitude (so that stages of other scales count alike), resized
    linearly to the finest grid, and reduced. Signs are kept, except by ``product``.

    Parameters
    ----------
    stage_activations, stage_gradients : mapping of Tensor[B, C, *grid]
        Activations and gradients of all stages.
    layers
        Which stages, all by default.
    weights
        One a layer; equal by default. They are divided by their sum.
    reduce
        ``mean`` the weighted mean; ``max`` the largest weighted map, position by position; ``product`` the
        weighted geometric mean of the positive parts.
    eps
        As in Grad-CAM++.

    Returns
    -------
    Tensor[B, *grid]
    """
    layers = list(stage_activations) if layers is None else list(layers)
    missing = [name for name in layers if name not in stage_activations]
    if missing or not layers:
        raise ExplainerError(
            f"ms-gradcam++: layers {missing} are not among the stages asked for: "
            f"{', '.join(stage_activations)}"
        )
    if weights is None:
        weights = [1.0] * len(layers)
    if len(weights) != len(layers) or min(weights) < 0 or sum(weights) <= 0:
        raise ExplainerError(
            f"ms-gradcam++: {len(layers)} layers need as many weights, none negative, not all 0"
        )
    share = [w / sum(weights) for w in weights]
    size = max((stage_activations[name].shape[2:] for name in layers), key=lambda grid: grid.numel())
    maps = torch.stack(
        [
            postprocess(
                gradcam_plusplus(stage_activations[name], stage_gradients[name], eps=eps),
                size,
                sign="relu" if reduce == "product" else "signed",
                normalize="max",
            )
            for name in layers
        ]
    )
    shape = [-1] + [1] * (maps.ndim - 1)
    factors = torch.tensor(share, device=maps.device, dtype=maps.dtype).reshape(shape)
    if reduce == "mean":
        return (factors * maps).sum(0)
    if reduce == "max":
        return (factors * maps).amax(0)
    if reduce == "product":
        return maps.pow(factors).prod(0)
    raise ExplainerError(f"ms-gradcam++: reduce={reduce!r}: use 'mean', 'max' or 'product'")
