"""From raw signed maps to what is shown or scored: sign policy, resize, normalisation, each explicit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar, overload

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, interpolate

from xaigt.explainers.errors import ExplainerError

Sign = Literal["relu", "abs", "signed"]
Normalize = Literal["minmax", "max", "sum"]
Key = TypeVar("Key")

_POOLS: dict[int, Callable[..., Tensor]] = {
    1: adaptive_avg_pool1d,
    2: adaptive_avg_pool2d,
    3: adaptive_avg_pool3d,
}


def linear_mode(dims: int) -> str:
    """Give the linear mode of ``torch.nn.functional.interpolate`` for grids of 1, 2 or 3 axes."""
    try:
        return {1: "linear", 2: "bilinear", 3: "trilinear"}[dims]
    except KeyError:
        raise ExplainerError(f"grids have 1, 2 or 3 axes, not {dims}") from None


@overload
def postprocess(
    maps: Tensor, size: Sequence[int] | None = ..., sign: Sign = ..., normalize: Normalize | None = ...
) -> Tensor: ...
@overload
def postprocess(
    maps: Mapping[Key, Tensor],
    size: Sequence[int] | None = ...,
    sign: Sign = ...,
    normalize: Normalize | None = ...,
) -> dict[Key, Tensor]: ...
def postprocess(
    maps: Tensor | Mapping[Key, Tensor],
    size: Sequence[int] | None = None,
    sign: Sign = "relu",
    normalize: Normalize | None = None,
) -> Tensor | dict[Key, Tensor]:
    """Apply a sign policy, resize, and normalise, in this order and each sample on its own.

    Parameters
    ----------
    maps : Tensor[B, *grid] or mapping of such
        Raw maps, such as :func:`~xaigt.explainers.explain` gives.
    size
        Size of the result; None keeps the grid. Growing is linear with pixel areas aligned, which cannot
        overshoot; an axis that shrinks is averaged over area.
    sign
        ``relu`` keeps evidence for the target, ``abs`` the magnitude, ``signed`` both signs.
    normalize
        None keeps the values. ``minmax``: to 0..1 by smallest and largest value. ``max``: divided by the
        largest magnitude. ``sum``: divided by the sum of magnitudes.

    Returns
    -------
    Tensor[B, *size] or dict of such

    Notes
    -----
    A constant map (to 1e-6 of its magnitude) has no contrast: ``minmax`` gives 0 everywhere. An all-zero map
    stays all zero under every normalisation. A map with a NaN or an infinity is NaN everywhere, so that it
    cannot pass for a result.
    """
    if isinstance(maps, Mapping):
        return {key: postprocess(value, size, sign, normalize) for key, value in maps.items()}
    if maps.ndim < 2:
        raise ExplainerError(f"maps are [batch, *grid], not of shape {tuple(maps.shape)}")
    maps = maps.detach()
    if not maps.is_floating_point() or maps.dtype in (torch.float16, torch.bfloat16):
        maps = maps.float()
    finite = maps.flatten(1).isfinite().all(1).reshape(-1, *([1] * (maps.ndim - 1)))
    maps = torch.where(finite, maps, 0.0)
    if sign == "relu":
        maps = maps.relu()
    elif sign == "abs":
        maps = maps.abs()
    elif sign != "signed":
        raise ExplainerError(f"sign={sign!r}: use 'relu', 'abs' or 'signed'")
    if size is not None:
        maps = _resize(maps, tuple(size))
    if normalize is not None:
        maps = _normalize(maps, normalize)
    return torch.where(finite, maps, torch.nan)


def _resize(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    dims = maps.ndim - 1
    if len(size) != dims:
        raise ExplainerError(f"size={size} has {len(size)} axes, the maps have {dims}")
    mode = linear_mode(dims)
    smaller = tuple(min(s, g) for s, g in zip(size, maps.shape[1:], strict=True))
    maps = maps[:, None]
    if smaller != tuple(maps.shape[2:]):
        maps = _POOLS[dims](maps, smaller)
    if smaller != size:
        maps = interpolate(maps, size, mode=mode, align_corners=False)
    return maps[:, 0]


def _normalize(maps: Tensor, normalize: str) -> Tensor:
    flat = maps.flatten(1)
    if normalize == "minmax":
        low = flat.amin(1, keepdim=True)
        high = flat.amax(1, keepdim=True)
        scale = high - low
        # Rounding in a resize must not become contrast.
        scale = torch.where(scale > 1e-6 * torch.maximum(high.abs(), low.abs()), scale, torch.inf)
        flat = flat - low
    elif normalize == "max":
        scale = flat.abs().amax(1, keepdim=True)
    elif normalize == "sum":
        scale = flat.abs().sum(1, keepdim=True)
    else:
        raise ExplainerError(f"normalize={normalize!r}: use 'minmax', 'max', 'sum' or None")
    return (flat / torch.where(scale > 0, scale, 1.0)).reshape(maps.shape)
