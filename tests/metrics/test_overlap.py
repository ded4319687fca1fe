"""Thresholds and overlap: by hand, against histograms made by numpy, pooled and averaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import MapBatch, dice, iou, pooled_overlap, precision, recall
from xaigt.metrics.thresholds import Threshold, binarize, count, otsu

MASK = torch.tensor([[[1, 1, 0], [1, 0, 0], [0, 0, 0]]], dtype=torch.bool)
MAP = torch.tensor([[[2.0, 9, 12], [3, 7, 2], [2, 2, 2]]])  # min-max scaled: 0, .7, 1; .1, .5, 0; 0, 0, 0


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("threshold", "scale", "hit", "predicted"),
    [
        (0.5, "minmax", 1, 2),  # above, not at: 7 is out
        (0.05, "minmax", 2, 4),
        (0.5, "max", 1, 3),  # 9, 12, 7 of 12
        (2.5, "none", 2, 4),
        (1.0, "minmax", 0, 0),
        ("top:0.34", "minmax", 1, 3),
        ("top:0.5", "minmax", 2, 4),
        ("top:0.8", "minmax", 2 + 3 * 1 / 5, 7),  # 3 of the 5 lowest, 1 of the 5 is truth
    ],
)
def test_by_hand(threshold: float | str, scale: str, hit: float, predicted: int, dims: int) -> None:
    maps, mask = (MAP, MASK) if dims == 2 else (MAP[:, None], MASK[:, None])
    arguments = {"threshold": threshold, "scale": scale}
    assert dice(maps, mask, **arguments).item() == pytest.approx(2 * hit / (predicted + 3))
    assert iou(maps, mask, **arguments).item() == pytest.approx(hit / (predicted + 3 - hit))
    assert precision(maps, mask, **arguments).item() == pytest.approx(hit / max(predicted, 1))
    assert recall(maps, mask, **arguments).item() == pytest.approx(hit / 3)


def reference_otsu(values: np.ndarray) -> float:
    counts, edges = np.histogram(values, bins=256)
    centres = ((edges[1:] + edges[:-1]) / 2).astype(float)
    spread = np.full(255, -1.0)
    for cut in range(255):
        low, high = counts[: cut + 1], counts[cut + 1 :]
        if low.sum() and high.sum():
            gap = np.average(centres[: cut + 1], weights=low) - np.average(centres[cut + 1 :], weights=high)
            spread[cut] = low.sum() * high.sum() * gap**2
    return float(centres[spread.argmax()])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("supported", [False, True])
def test_otsu_splits_the_histogram_with_the_largest_variance_between(dims: int, supported: bool) -> None:
    maps, masks = noise(dims) + lesions(dims) * 1.5, lesions(dims)
    support = noise(dims, seed=5) > 0.3 if supported else torch.ones_like(masks)
    batch = MapBatch(maps, masks, support=support)
    for i, cut in enumerate(otsu(batch).tolist()):
        assert cut == pytest.approx(reference_otsu(maps[i][support[i]].numpy()), rel=1e-6)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("threshold", [0.2, 0.5, "otsu", "top:0.1"])
def test_counts_equal_those_of_the_mask(dims: int, threshold: float | str) -> None:
    maps, masks = noise(dims), lesions(dims)
    support = noise(dims, seed=5) > 0.3
    batch = MapBatch(maps, masks, support=support)
    above, counts = binarize(batch, threshold), count(batch, threshold)
    assert not (above & ~support).any()
    assert above.flatten(1).sum(1).tolist() == counts.predicted.tolist()
    assert (above & masks).flatten(1).sum(1).tolist() == counts.hit.tolist()


def test_voxels_that_tie_at_a_top_fraction_are_taken_together_or_not_at_all() -> None:
    maps = torch.tensor([[[5.0, 5, 3], [3, 3, 1], [1, 1, 1]]])
    batch = MapBatch(maps, MASK)
    assert binarize(batch, "top:0.34").sum() == 2  # three asked for: 5, 5 and not one of the 3s
    assert binarize(batch, "top:0.56").sum() == 5
    assert binarize(MapBatch(torch.ones(1, 3, 3), MASK), "top:0.5").sum() == 0


def test_pooled_and_average() -> None:
    masks = torch.cat([MASK, ~MASK, torch.zeros_like(MASK)])
    maps = torch.cat([MAP, MAP, MAP])
    table = pooled_overlap(maps, masks).set_index(["reduction", "metric"])
    # Two samples count: hits 1 of 2 predicted and 3 truth; 1 of 2 and 6.
    assert table["samples"].unique().tolist() == [2] and table["left_out"].unique().tolist() == [1]
    assert table.loc[("global", "dice"), "value"] == pytest.approx(2 * 2 / (4 + 9))
    assert table.loc[("global", "iou"), "value"] == pytest.approx(2 / (4 + 9 - 2))
    assert table.loc[("average", "dice"), "value"] == pytest.approx((2 / 5 + 2 / 8) / 2)
    pooled = table.loc[("global", "dice"), "value"]
    assert table.loc[("global", "iou"), "value"] == pytest.approx(pooled / (2 - pooled))


@pytest.mark.parametrize("wrong", ["otsy", "top:0", "top:1.5", "top:", float("nan"), "median"])
def test_an_unknown_threshold_is_refused(wrong: object) -> None:
    with pytest.raises(XaigtError, match="threshold is a number"):
        Threshold.parse(wrong)
    with pytest.raises(XaigtError, match="scale"):
        dice(MAP, MASK, scale="zscore")
