"""Score-CAM (Wang et al. 2020, arXiv 1910.01279)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xaigt.explainers.postprocessing import linear_mode
from xaigt.explainers.view import StageView


def scorecam(activations: Tensor, inputs: Tensor, stage: StageView, *, chunk: int | None = None) -> Tensor:
    """``sum_k w_k A_k`` with ``w = softmax`` over channels of the scores of masked inputs.

    The mask of channel k is A_k, resized linearly to the input (pixel areas aligned) and scaled to 0..1; that
    of a constant channel is 0 everywhere.

    Parameters
    ----------
    activations : Tensor[B, C, *grid]
        Activation of the stage.
    inputs : Tensor[B, C_in, *size]
        Batch; zero is what masks put in its place.
    stage
        Scores inputs.
    chunk
        Masked inputs in a forward pass; by default what ``max_memory`` allows. The result does not hang on
        it.

    Returns
    -------
    Tensor[B, *grid]
    """
    size = inputs.shape[2:]
    step = min(chunk or stage.rows(), activations.shape[1])
    scores = activations.new_zeros(activations.shape[:2])
    with torch.no_grad():
        for b in range(len(inputs)):
            for start in range(0, activations.shape[1], step):
                part = activations[b, start : start + step, None]
                mask = interpolate(part, size, mode=linear_mode(len(size)), align_corners=False)
                low = mask.flatten(1).amin(1).reshape(-1, *([1] * (mask.ndim - 1)))
                span = mask.flatten(1).amax(1).reshape(low.shape) - low
                mask = torch.where(span > 0, (mask - low) / torch.where(span > 0, span, 1.0), 0.0)
                rows = torch.full((len(part),), b, device=inputs.device)
                found = stage.score((inputs[b : b + 1] * mask).to(inputs.dtype), rows)
                scores[b, start : start + step] = found.to(scores.dtype)
                stage.progress(len(part))
    return torch.einsum("bc,bc...->b...", scores.softmax(1), activations)
