"""Mass metrics by hand."""

from __future__ import annotations

import pytest
import torch

from xaigt.errors import XaigtError
from xaigt.metrics import (
    confounder_mass,
    distractor_mass,
    energy_ratio,
    lesion_mass,
    mass_accuracy,
    relative_mass,
    score,
    suppressor_mass,
)

# Truth: an L of three voxels (box of four) and, apart from it, one voxel.
MASK = torch.tensor([[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]], dtype=torch.bool)
MAP = torch.tensor([[[4.0, 1, 0, 0], [1, 2, 0, 0], [-6, 0, 0, 2]]])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("metric", "sign", "expected"),
    [
        (mass_accuracy, "relu", 8 / 10),
        (mass_accuracy, "abs", 8 / 16),
        (relative_mass, "relu", (8 / 10) / (4 / 12)),
        (energy_ratio, "relu", 10 / 10),
        (energy_ratio, "abs", 10 / 16),
        # lesions: mean 2 of three voxels and mean 2 of one voxel, over mean 10/12
        (lesion_mass, "relu", 2 / (10 / 12)),
    ],
)
def test_by_hand(metric: object, sign: str, expected: float, dims: int) -> None:
    maps, mask = (MAP, MASK) if dims == 2 else (MAP[:, None], MASK[:, None])
    assert metric(maps, mask, sign=sign).item() == pytest.approx(expected)


def test_integer_masks_are_instance_numbers() -> None:
    numbers = MASK.int()
    numbers[0, 2, 3] = 1
    maps = MAP.clone()
    maps[0, 2, 3] = 12.0
    # One instance of four voxels: (6 + 12) / 4; as components: (6/3 + 12) / 2.
    overall = 20 / 12
    assert lesion_mass(maps, numbers).item() == pytest.approx(18 / 4 / overall)
    assert lesion_mass(maps, MASK).item() == pytest.approx((2 + 12) / 2 / overall)
    # The box of the one instance is the whole image.
    assert energy_ratio(maps, numbers).item() == 1.0


@pytest.mark.parametrize("metric", [distractor_mass, confounder_mass, suppressor_mass])
def test_mass_on_other_things(metric: object) -> None:
    other = torch.zeros_like(MASK)
    other[0, 1, 1:3] = True
    name = metric.name.removesuffix("_mass")
    value = metric(MAP, MASK, regions={name: other})
    assert value.item() == pytest.approx((2 / 2) / (10 / 12))
    assert metric(MAP, torch.zeros_like(MASK), regions={name: other}).item() == pytest.approx(1.2)
    assert metric(MAP, MASK, regions={name: torch.zeros_like(MASK)}).isnan().all()
    with pytest.raises(XaigtError, match=f"reads the region '{name}'"):
        metric(MAP, MASK)


def test_scores_of_one_batch_agree_with_single_calls() -> None:
    table = score(MAP, MASK, ["mass"]).set_index("metric")["value"]
    assert list(table.index) == ["mass_accuracy", "relative_mass", "energy_ratio", "lesion_mass"]
    assert table["mass_accuracy"] == pytest.approx(0.8)
