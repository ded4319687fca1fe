"""Ranking metrics: by hand, against scikit-learn, and as properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import average_precision, pointing_game, precision_at_k, roc_auc
from xaigt.metrics.batch import MapBatch
from xaigt.metrics.selection import top

RANKING = [precision_at_k, average_precision, roc_auc, pointing_game]
MASK = torch.tensor([[[True, True, False], [False, False, False]]])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # precision at 2, average precision, ROC area, pointing game
        ([[9.0, 8, 1], [2, 3, 4]], (1.0, 1.0, 1.0, 1.0)),
        ([[9.0, 3, 8], [2, 1, 4]], (0.5, (1 + 2 / 4) / 2, 6 / 8, 1.0)),
        ([[1.0, 2, 9], [8, 7, 6]], (0.0, (1 / 5 + 2 / 6) / 2, 0.0, 0.0)),
        # three ties at the second place, one of them truth: 1 hit for sure, 1 of 3 places
        ([[9.0, 5, 5], [5, 1, 1]], (0.5 * (1 + 1 / 3), (1 + 2 / 4) / 2, (4 + 1 + 1 + 0.5 + 0.5) / 8, 1.0)),
        # two highest, one of them truth
        ([[7.0, 1, 7], [2, 3, 4]], (0.5, (1 / 2 + 2 / 6) / 2, (3.5 + 0) / 8, 0.5)),
        # constant: 2 of 6
        ([[1.0, 1, 1], [1, 1, 1]], (1 / 3, 1 / 3, 0.5, 1 / 3)),
    ],
)
@pytest.mark.parametrize("dims", [2, 3])
def test_by_hand(values: list[list[float]], expected: tuple[float, ...], dims: int) -> None:
    maps, mask = torch.tensor([values]), MASK
    if dims == 3:
        maps, mask = maps[:, None], mask[:, None]
    for metric, value in zip(RANKING, expected, strict=True):
        assert metric(maps, mask).item() == pytest.approx(value, abs=1e-12), metric.name


def test_sign_policies() -> None:
    maps = torch.tensor([[[-9.0, 8, 1], [2, 3, 4]]])
    assert precision_at_k(maps, MASK, sign="abs").item() == 1.0
    assert precision_at_k(maps, MASK, sign="relu").item() == 0.5
    assert roc_auc(maps, MASK, sign="signed").item() == 0.5
    # After ReLU the negative value is 0 and still below the others.
    assert roc_auc(maps, MASK, sign="relu").item() == 0.5


@pytest.mark.parametrize(
    ("tolerance", "spacing", "hit"),
    [
        (0, None, 0.0),
        (2, None, 0.0),
        (2.25, None, 1.0),  # 2 columns and 1 row away: sqrt(5) = 2.236
        (2.25, (3.0, 1.0), 0.0),  # sqrt(3^2 + 2^2) = 3.606 mm
        (3.7, (3.0, 1.0), 1.0),
    ],
)
def test_pointing_game_tolerance_in_voxels_and_mm(
    tolerance: float, spacing: tuple[float, float] | None, hit: float
) -> None:
    maps, mask = torch.zeros(1, 5, 5), torch.zeros(1, 5, 5, dtype=torch.bool)
    maps[0, 3, 4] = 1.0
    mask[0, 2, 0:3] = True
    assert pointing_game(maps, mask, tolerance=tolerance, spacing=spacing).item() == hit


@pytest.mark.parametrize("spacing", [None, (3.0, 1.0)])
def test_pointing_game_chance_counts_the_voxels_within_the_tolerance(
    spacing: tuple[float, float] | None,
) -> None:
    mask = torch.zeros(1, 5, 5, dtype=torch.bool)
    mask[0, 2, 2] = True
    metric = pointing_game.bind(tolerance=1.0)
    batch = MapBatch(torch.ones(1, 5, 5), mask, spacing=spacing)
    near = 5 if spacing is None else 3
    assert metric.chance_of(batch).item() == pytest.approx(near / 25)
    assert metric.of(batch).item() == pytest.approx(near / 25)


def test_pointing_game_refuses_a_negative_tolerance() -> None:
    with pytest.raises(XaigtError, match="tolerance"):
        pointing_game(torch.rand(1, 2, 3), MASK, tolerance=-1)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("levels", [4, 1000])
@pytest.mark.parametrize("inside", [False, True])
def test_areas_equal_scikit_learn_also_with_ties(dims: int, levels: int, inside: bool) -> None:
    maps, masks = (noise(dims, 8) * levels).round(), lesions(dims, 3).repeat(3, *[1] * dims)[:8]
    support = noise(dims, 8, seed=1) > 0.3 if inside else torch.ones_like(masks)
    area, precision = roc_auc(maps, masks, support=support), average_precision(maps, masks, support=support)
    for i in range(8):
        truth, values = masks[i][support[i]].numpy(), maps[i][support[i]].numpy()
        assert area[i].item() == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
        assert precision[i].item() == pytest.approx(average_precision_score(truth, values), abs=1e-12)


def test_ties_count_by_expectation_over_random_orders() -> None:
    maps, mask = torch.zeros(1, 4, 5), torch.zeros(1, 4, 5, dtype=torch.bool)
    maps[0, 0, 0] = 1.0
    mask[0, 0, :4] = True
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(4000):
        order = np.lexsort((rng.random(20), -maps.flatten().numpy()))
        drawn.append(mask.flatten().numpy()[order[:4]].mean())
    error = np.std(drawn) / len(drawn) ** 0.5
    assert abs(precision_at_k(maps, mask).item() - np.mean(drawn)) < 4 * error


values = st.lists(st.integers(-6, 6), min_size=24, max_size=24)
truth = st.lists(st.booleans(), min_size=24, max_size=24).filter(lambda bits: 0 < sum(bits) < 24)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(values=values, truth=truth, seed=st.integers(0, 10))
def test_permutations_and_monotone_transforms_do_not_move_ranks(
    values: list[int], truth: list[bool], seed: int
) -> None:
    maps, masks = torch.tensor(values, dtype=torch.float32), torch.tensor(truth)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    for metric in RANKING:
        value = metric(maps.reshape(1, 4, 6), masks.reshape(1, 4, 6), sign="signed")
        for changed in (maps**3, maps.exp(), 5 * maps - 100):
            moved = metric(changed.reshape(1, 4, 6), masks.reshape(1, 4, 6), sign="signed")
            torch.testing.assert_close(moved, value, rtol=0, atol=1e-12)
        permuted = metric(maps[order].reshape(1, 2, 3, 4), masks[order].reshape(1, 2, 3, 4), sign="signed")
        torch.testing.assert_close(permuted, value, rtol=0, atol=1e-12)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(values=values, truth=truth)
def test_selection_equals_sorting(values: list[int], truth: list[bool]) -> None:
    maps, masks = torch.tensor(values).reshape(1, 4, 6), torch.tensor(truth).reshape(1, 4, 6)
    for sign in ("relu", "abs", "signed"):
        selected, ordered = MapBatch(maps, masks, sign=sign), MapBatch(maps, masks, sign=sign)
        _ = ordered.ordered
        assert precision_at_k.of(selected).item() == pytest.approx(precision_at_k.of(ordered).item(), abs=1e-12)
        assert "ordered" not in selected.__dict__


@pytest.mark.parametrize(("positives", "clamped"), [(30, False), (12, True), (0, True)])
def test_signed_maps_are_clamped_only_where_the_truth_reaches_their_zeros(positives: int, clamped: bool) -> None:
    """The k-th largest after ReLU is the k-th largest before, if that is positive; else all zeros tie."""
    maps = -torch.arange(1.0, 65).reshape(1, 8, 8)
    maps.view(-1)[:positives] *= -1
    masks, support = torch.zeros(1, 8, 8, dtype=torch.bool), torch.ones(8, 8, dtype=torch.bool)
    masks[0, 1:5, 2:7] = True  # 20 of 60 evaluated voxels
    support[7, 4:] = False
    batch = MapBatch(maps, masks, support=support)
    expected = MapBatch(maps.clamp(min=0), masks, support=support, sign="signed")
    torch.testing.assert_close(precision_at_k.of(batch), precision_at_k.of(expected))
    _, greater, equal = batch.top(batch.truth_count)
    assert ("values" in batch.__dict__) is clamped
    assert (greater.item(), equal.item()) == ((positives, 60 - positives) if clamped else (19, 1))


@pytest.mark.parametrize("k", [1, 40, 700, 4000, 9215])
@pytest.mark.parametrize("size", [(96, 96), (95, 97), (130, 131), (224, 224)])
@pytest.mark.parametrize("kind", ["noise", "smooth", "plateaus", "periodic", "constant", "peak", "lowest"])
def test_selection_in_large_rows_equals_sorting(kind: str, size: tuple[int, int], k: int) -> None:
    """Rows long enough to be selected from a sample's guess, rows that fool the guess, lengths of every remainder."""
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.randn(1, 1, 5, 5, generator=generator), size=size, mode="bicubic")
    at = torch.arange(size[0] * size[1])
    row = {
        "noise": torch.randn(len(at), generator=generator),
        "smooth": smooth.flatten(),
        "plateaus": (smooth.flatten() * 4).round().clamp(min=0),
        "periodic": (at % (5 * 17 * 61) == 0).float() + at / 1e5,  # every stride's sample sees the largest too often
        "constant": torch.full((len(at),), 0.3),
        "peak": torch.exp(-((at - 5000.0) ** 2) / 200),
        "lowest": torch.where(at % 7 == 0, smooth.flatten(), -torch.inf),
    }[kind][None]
    chosen = torch.tensor([k])
    for found, expected in zip(top(row, chosen), top(row, chosen, row.sort(1).values), strict=True):
        assert torch.equal(found, expected)
