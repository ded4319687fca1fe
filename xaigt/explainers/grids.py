"""Layouts: how an activation becomes channels on a grid, for convolutions, ViT tokens and Swin alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from xaigt.explainers.errors import ExplainerError

Kind = Literal["channels-first", "channels-last", "tokens"]


@dataclass(frozen=True)
class Layout:
    """The meaning of an activation's axes.

    Attributes
    ----------
    kind
        ``channels-first`` [B, C, *grid] (convolutions), ``channels-last`` [B, *grid, C] (Swin), or
        ``tokens`` [B, prefix + positions, C] (ViT).
    grid
        Shape of the grid; needed for tokens only.
    prefix
        Tokens before the first position (class and register tokens); for tokens only.
    """

    kind: Kind = "channels-first"
    grid: tuple[int, ...] = ()
    prefix: int = 0

    @property
    def channel_axis(self) -> int:
        """The axis of the raw activation that holds the channels."""
        return 1 if self.kind == "channels-first" else -1

    def to_grid(self, raw: Tensor) -> Tensor:
        """Raw activation or gradient to Tensor[B, C, *grid]."""
        if self.kind == "channels-first":
            return raw
        if self.kind == "tokens":
            raw = raw[:, self.prefix :]
            raw = raw.reshape(len(raw), *self.grid, raw.shape[-1])
        return raw.movedim(-1, 1)


def infer_layout(raw: Tensor, size: Sequence[int], model: nn.Module, name: str) -> Layout:
    """Tell the layout of an activation from its shape, the input's size and what the model says of itself.

    Channels come first, unless the last axes cannot be a uniformly scaled image and the middle ones can
    (Swin). Three axes under a 2-D or 3-D input are tokens: their grid is ``model.patch_embed.grid_size``
    where it fits, else the one that a single patch size gives with the fewest prefix tokens.

    Raises
    ------
    ExplainerError
        If the activation has no grid, such as after global pooling.
    """
    dims = len(size)
    if raw.ndim == dims + 2:
        first, last = raw.shape[2:], raw.shape[1:-1]
        exact = _proportional(last, size) and not _proportional(first, size)
        if exact or (_scaled(last, size) and not _scaled(first, size)):
            return Layout("channels-last")
        return Layout("channels-first")
    if raw.ndim == 3 and dims > 1:
        layout = _tokens(raw.shape[1], size, model)
        if layout is not None:
            return layout
    raise ExplainerError(
        f"stage {name!r} gives a tensor of shape {tuple(raw.shape)}, which is no grid of an input of size "
        f"{tuple(size)}: choose a stage before pooling and flattening, or give "
        "layout=Layout('tokens', grid, prefix)"
    )


def _proportional(grid: Sequence[int], size: Sequence[int]) -> bool:
    return all(g * size[0] == s * grid[0] for g, s in zip(grid, size, strict=True))


def _scaled(grid: Sequence[int], size: Sequence[int]) -> bool:
    if any(g > s for g, s in zip(grid, size, strict=True)):
        return False
    # A grid axis of g positions may come from any input of (g - 1, g + 1) strides: convolutions round.
    low = max(s / (g + 1) for g, s in zip(grid, size, strict=True))
    high = min(s / max(g - 1, 0.5) for g, s in zip(grid, size, strict=True))
    return low < high


def _tokens(count: int, size: Sequence[int], model: nn.Module) -> Layout | None:
    hint = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    if isinstance(hint, (tuple, list)) and len(hint) == len(size) and all(isinstance(n, int) for n in hint):
        prefix = count - math.prod(hint)
        if 0 <= prefix <= 16:
            return Layout("tokens", tuple(hint), prefix)
    for prefix in range(min(17, count)):
        for patch in range(1, min(size) + 1):
            grid = tuple(s // patch for s in size)
            if math.prod(grid) == count - prefix and all(s % patch == 0 for s in size):
                return Layout("tokens", grid, prefix)
    return None
