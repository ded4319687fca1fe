"""Ablation-CAM (Desai and Ramaswamy 2020, doi 10.1109/WACV45572.2020.9093360)."""

from __future__ import annotations

import torch
from torch import Tensor

from xaigt.explainers.view import StageView


def ablationcam(activations: Tensor, stage: StageView, *, chunk: int | None = None) -> Tensor:
    """``sum_k w_k A_k`` with ``w_k = (s - s_k) / |s|``, s_k the score with channel k set to zero.

    The magnitude in the denominator keeps the sign of a drop where the score is negative; where the score is
    0 the drop is not divided. A channel that is zero already is not rerun: its drop is 0.

    Parameters
    ----------
    activations : Tensor[B, C, *grid]
        Activation of the stage.
    stage
        Reruns what follows the stage.
    chunk
        Channels in a rerun; by default what ``max_memory`` allows. The result does not hang on it.

    Returns
    -------
    Tensor[B, *grid]
        NaN for a sample whose activations or score are not finite.
    """
    replay = stage.replay()
    axis = stage.layout.channel_axis
    channels = activations.shape[1]
    step = min(chunk or replay.rows, channels)
    drops = activations.new_zeros(activations.shape[:2])
    for b in range(activations.shape[0]):
        raw = replay.raw[b : b + 1]
        dims = [d for d in range(raw.ndim) if d != axis % raw.ndim]
        live = (raw != 0).sum(dims).nonzero()[:, 0]
        for picked in torch.split(live, step):
            rows = raw.repeat(len(picked), *([1] * (raw.ndim - 1)))
            by_channel = rows.movedim(axis, 1)
            by_channel[torch.arange(len(picked)), picked] = 0.0
            drops[b, picked] = (replay.reference[b] - replay.scores(b, rows)).to(drops.dtype)
            stage.progress(len(picked))
        stage.progress(channels - len(live))
    scale = replay.reference.abs().to(drops.dtype)[:, None]
    weights = drops / torch.where(scale == 0, 1.0, scale)
    return torch.einsum("bc,bc...->b...", weights, activations)
