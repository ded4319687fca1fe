"""Parity with Quantus where Quantus is right; where it is not, the value by hand.

Quantus is no dependency: ``pip install quantus`` (it may want other versions of what is installed; an
environment of its own is best).
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from tests.metrics.cases import lesions, noise
from xaigt.metrics import mass_accuracy, pointing_game, precision_at_k, roc_auc

quantus = pytest.importorskip("quantus", reason="Quantus is not installed: pip install quantus")
OPTIONS = {"abs": False, "normalise": False, "disable_warnings": True, "return_aggregate": False}
PAIRS = [
    (precision_at_k, "RelevanceRankAccuracy"),
    (mass_accuracy, "RelevanceMassAccuracy"),
    (roc_auc, "AUC"),
    (pointing_game, "PointingGame"),
]


def theirs(name: str, maps: torch.Tensor, masks: torch.Tensor) -> np.ndarray:
    metric = getattr(quantus, name)(**OPTIONS)
    batch = maps[:, None].numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = metric(
            model=None, x_batch=batch, y_batch=np.zeros(len(maps)), a_batch=batch,
            s_batch=masks[:, None].numpy(), device="cpu", channel_first=True,
        )  # fmt: skip
    return np.asarray(found, dtype=float)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("metric", "name"), PAIRS)
def test_equal_where_values_are_distinct(metric: object, name: str, dims: int) -> None:
    maps, masks = noise(dims), lesions(dims)
    maps[0] += masks[0]
    np.testing.assert_allclose(metric(maps, masks), theirs(name, maps, masks), rtol=1e-5)


def test_ties_in_quantus_go_to_the_first_voxel_and_here_to_the_average() -> None:
    maps, masks = torch.ones(2, 12, 10), torch.zeros(2, 12, 10, dtype=torch.bool)
    masks[0, :2], masks[1, -2:] = True, True
    maps[:, 5, 5] = 2.0
    first, last = theirs("RelevanceRankAccuracy", maps, masks)
    assert first != last
    expected = (0 + 19 * 20 / 119) / 20  # one voxel above, 19 of the 119 that tie, 20 of them truth
    assert precision_at_k(maps, masks).tolist() == pytest.approx([expected] * 2)


def test_pointing_game_of_nothing_is_a_hit_in_quantus_and_not_here() -> None:
    maps, masks = torch.stack([torch.zeros(12, 10), noise(2)[1]]), lesions(2)[:2]
    masks[1] = False
    assert theirs("PointingGame", maps, masks).tolist() == [1.0, 1.0]
    zero, empty = pointing_game(maps, masks).tolist()
    assert zero == pytest.approx(10 / 120) and np.isnan(empty)  # chance: 10 of 120 voxels


def test_mass_of_a_zero_map_is_nan_in_quantus_and_chance_here() -> None:
    maps, masks = torch.stack([torch.zeros(12, 10), noise(2)[1]]), lesions(2)[:2]
    assert np.isnan(theirs("RelevanceMassAccuracy", maps, masks)).tolist() == [True, False]
    assert mass_accuracy(maps, masks)[0].item() == pytest.approx(10 / 120)
