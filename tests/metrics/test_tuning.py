"""Tuned thresholds: every candidate counted rightly, and never used where they were chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import ThresholdTuner, dice, pooled_overlap, score, tune_threshold
from xaigt.metrics.tuning import THRESHOLDS


def maps_of(dims: int) -> tuple[torch.Tensor, torch.Tensor]:
    masks = lesions(dims)
    return noise(dims) + 0.6 * masks, masks


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("reduction", ["global", "average"])
@pytest.mark.parametrize("objective", ["dice", "iou"])
def test_the_curve_is_the_score_at_every_threshold(dims: int, reduction: str, objective: str) -> None:
    maps, masks = maps_of(dims)
    support = noise(dims, seed=3) > 0.2
    tuned = tune_threshold(
        maps, masks, split="validation", objective=objective, reduction=reduction, support=support
    )
    for threshold, value in zip(tuned.thresholds, tuned.curve, strict=True):
        table = pooled_overlap(maps, masks, threshold=threshold, support=support)
        row = table[(table["metric"] == objective) & (table["reduction"] == reduction)]
        assert value == pytest.approx(row["value"].item())
    assert tuned.value == tuned.thresholds[int(np.argmax(tuned.curve))]
    assert tuned.thresholds == pytest.approx(THRESHOLDS) and len(tuned.thresholds) == 50
    assert tuned.used == 3 and tuned.left_out == 0


def test_blocks_and_batches_do_not_matter() -> None:
    maps, masks = maps_of(2)
    whole = tune_threshold(maps, masks, split="train")
    tuner = ThresholdTuner("train", block=2)
    tuner.update(maps[:2], masks[:2])
    tuner.update(maps[2:], masks[2:])
    assert tuner.result() == whole
    blocks = ThresholdTuner("train", block=1)
    blocks.update(maps, masks, support=torch.ones_like(masks))
    assert blocks.result() == whole


def test_samples_without_truth_are_left_out_or_count_as_false() -> None:
    maps, masks = maps_of(2)
    masks[0] = False
    maps[1, 0, 0] = float("nan")
    left = tune_threshold(maps, masks, split="train")
    assert (left.used, left.left_out) == (1, 2)
    counted = tune_threshold(maps, masks, split="train", empty="count")
    assert (counted.used, counted.left_out) == (2, 1)
    assert max(counted.curve) < max(left.curve)
    with pytest.raises(XaigtError, match="No sample"):
        tune_threshold(maps[:1], masks[:1], split="train")


@pytest.mark.parametrize("split", ["test", "Test", "holdout"])
def test_the_test_split_is_refused(split: str) -> None:
    with pytest.raises(XaigtError, match="must not be tuned"):
        tune_threshold(*maps_of(2), split=split)


def test_a_tuned_threshold_is_not_scored_where_it_was_tuned() -> None:
    maps, masks = maps_of(2)
    tuned = tune_threshold(maps, masks, split="validation", samples=[10, 11, 12])
    metric = dice.bind(threshold=tuned)
    table = score(maps, masks, [metric], columns={"split": "test", "sample": [1, 2, 3]})
    assert table["metric"].unique().tolist() == [f"dice(threshold=tuned:{tuned.value:.6g})"]
    assert table["value"].tolist() == dice(maps, masks, threshold=tuned.value).tolist()
    with pytest.raises(XaigtError, match="tuned on split 'validation'"):
        score(maps, masks, [metric], columns={"split": "validation"})
    with pytest.raises(XaigtError, match="1 samples"):
        score(maps, masks, [metric], columns={"split": "test", "sample": [1, 2, 12]})
    with pytest.raises(XaigtError, match="sign='relu'"):
        dice(maps, masks, threshold=tuned, sign="abs")
