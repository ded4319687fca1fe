"""A fixed, fast description of images for a linear classifier: pooled means and spreads, and random convolutions.

Nothing is learned here, so the same description serves every test and every injected leak. Each image is seen twice:
through a window about the tissue, where lesions are, and on a compressed full scale, where a mark in the air would be.
A volume is seen as the mean and the largest value along each of its axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Floats = npt.NDArray[np.float32]
_FILTERS, _WIDTH = 24, 7
_SCALES = (1, 2)
_COARSE, _FINE, _CELLS = 16, 8, 4
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Scale:
    """How values are mapped: middle and width of the tissue's window.

    Attributes
    ----------
    middle, width
        Values from middle - width to middle + width fill the window.
    """

    middle: float
    width: float

    @classmethod
    def of(cls, images: npt.NDArray[np.floating], inside: npt.NDArray[np.bool_]) -> Scale:
        """Scale of a set of images, by their values inside the head."""
        tissue = images[inside] if inside.any() else images.ravel()
        low, middle, high = np.percentile(tissue, (5, 50, 95))
        return cls(float(middle), max(float(high - low), 1e-6))


def describe(images: npt.NDArray[np.floating], scale: Scale) -> Floats:
    """Features ``[n, features]`` of images ``[n, y, x]`` or volumes ``[n, z, y, x]``."""
    tensor = torch.from_numpy(np.ascontiguousarray(images, np.float32))
    if tensor.ndim == 3:
        return _describe_2d(tensor, scale)
    parts = []
    for axis in (1, 2, 3):
        parts += [_describe_2d(tensor.mean(axis), scale), _describe_2d(tensor.amax(axis), scale)]
    return np.concatenate(parts, 1)


@torch.inference_mode()
def _describe_2d(images: torch.Tensor, scale: Scale) -> Floats:
    window = ((images - scale.middle) / scale.width).clamp(-1, 1)
    full = torch.asinh((images - scale.middle) / scale.width * 4)
    found = []
    for channel in (window[:, None], full[:, None]):
        small = min(channel.shape[-2:])
        coarse = functional.adaptive_avg_pool2d(channel, min(_COARSE, small))
        square = functional.adaptive_avg_pool2d(channel**2, min(_FINE, small))
        mean = functional.adaptive_avg_pool2d(channel, min(_FINE, small))
        spread = (square - mean**2).clamp(min=0).sqrt()
        quantiles = torch.quantile(
            functional.avg_pool2d(channel, 2).flatten(1), torch.tensor(_QUANTILES), dim=1
        ).T  # of a grid of half the size: as telling, and four times as fast
        found += [coarse.flatten(1), spread.flatten(1), quantiles]
        for level in _SCALES:
            found += _convolved(channel if level == 1 else functional.avg_pool2d(channel, level), level)
    return np.asarray(torch.cat(found, 1).numpy(), np.float32)


def _convolved(channel: torch.Tensor, level: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(level)
    filters = torch.randn(_FILTERS, 1, _WIDTH, _WIDTH, generator=generator)
    filters -= filters.mean((1, 2, 3), keepdim=True)
    filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
    answers = functional.conv2d(channel, filters, stride=2, padding=_WIDTH // 2).relu_()
    cells = functional.adaptive_avg_pool2d(answers, min(_CELLS, *answers.shape[-2:]))
    return [cells.flatten(1), answers.mean((2, 3)), answers.amax((2, 3))]


def out_of_fold(features: Floats, label: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Score of each image by a linear classifier that was trained on the other folds.

    The sum of two standardised scores: ridge regression on all features (many weak signs), and the mean of the
    features that differ most between the classes (one strong sign).
    """
    score = np.zeros(len(label))
    for train, test, known, asked in _folds(features, fold):
        if label[train].all() or not label[train].any():
            continue
        wanted = np.where(label[train], 1.0, -1.0).astype(np.float32)
        wanted -= wanted.mean()
        score[test] = _ridge(known, wanted, asked) + _strongest(known, wanted, asked)
    return score


def nearness(
    features: Floats, number: npt.NDArray[np.int64], wanted: int, fold: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Out-of-fold score of how near the number that a ridge regression sees in each image is to a wanted one.

    For classes that are numbers: one in the middle is above some and below others, which no linear score tells.
    """
    score = np.zeros(len(number))
    for train, test, known, asked in _folds(features, fold):
        middle = float(number[train].mean())
        seen = middle + asked @ _weights(known, (number[train] - middle).astype(np.float32))
        score[test] = -np.abs(seen - wanted)
    return score


def _folds(
    features: Floats, fold: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Floats, Floats]]:
    """For each fold: who trains, who is asked, and the features of both, standardised by those who train."""
    for number in np.unique(fold):
        test = fold == number
        train = ~test
        mean, spread = features[train].mean(0), features[train].std(0)
        used = spread > 1e-7
        if used.any():
            known = (features[train][:, used] - mean[used]) / spread[used]
            yield train, test, known, np.clip((features[test][:, used] - mean[used]) / spread[used], -10, 10)


def _weights(known: Floats, wanted: Floats) -> Floats:
    kernel = known @ known.T
    kernel[np.diag_indices_from(kernel)] += 0.1 * np.trace(kernel) / len(kernel)
    return np.asarray(known.T @ np.linalg.solve(kernel, wanted), np.float32)


def _ridge(known: Floats, wanted: Floats, asked: Floats) -> npt.NDArray[np.float64]:
    weights = _weights(known, wanted)
    trained = known @ weights
    return np.asarray(asked @ weights / max(float(trained.std()), 1e-12), float)


def _strongest(known: Floats, wanted: Floats, asked: Floats, count: int = 5) -> npt.NDArray[np.float64]:
    link = known.T @ wanted / len(wanted)
    best = np.argsort(-np.abs(link))[:count]
    signs = np.sign(link[best])
    trained = known[:, best] @ signs
    return np.asarray(asked[:, best] @ signs / max(float(trained.std()), 1e-12), float)
