"""Replacement of lesions by the twin: networks whose evidence is known by construction."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from xaigt.errors import XaigtError
from xaigt.metrics import (
    evidence_agreement,
    footprints,
    instance_effects,
    planted_and_used,
    precision_at_k,
    used_instances,
)

HEIGHTS = {1: 1.0, 2: 2.0, 5: 4.0}
TARGET = torch.tensor([1])


def scene(dims: int) -> tuple[Tensor, Tensor, Tensor]:
    """An image with three lesions of two voxels (numbers 1, 2, 5), its healthy twin, and the instances."""
    twin = torch.rand(1, 1, 6, 8, generator=torch.Generator().manual_seed(0))
    instances = torch.zeros(1, 6, 8, dtype=torch.int64)
    for place, (number, _) in enumerate(HEIGHTS.items()):
        instances[0, 2 * place, 3:5] = number
    image = twin.clone()
    for number, height in HEIGHTS.items():
        image[0, 0][instances[0] == number] += height
    if dims == 2:
        return image, twin, instances
    return image[:, :, None], twin[:, :, None], instances[:, None]


def lesion_sum(image: Tensor, numbers: Tensor, wanted: int) -> Tensor:
    return (image[:, 0] * (numbers == wanted)).flatten(1).sum(1)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_network_that_adds_up_uses_each_lesion_for_its_own_part(dims: int) -> None:
    image, twin, instances = scene(dims)

    def model(inputs: Tensor) -> Tensor:
        return inputs.flatten(1).sum(1)

    table = instance_effects(model, image, instances, TARGET, twin, share=0.2)
    assert table["instance"].tolist() == [1, 2, 5] and table["voxels"].tolist() == [2, 2, 2]
    for column in ("alone", "only"):
        assert table[column].tolist() == pytest.approx([2, 4, 8], abs=1e-4)
    assert table["together"].tolist() == pytest.approx([14] * 3, abs=1e-4)
    assert table["whole"].tolist() == pytest.approx([14] * 3, abs=1e-4)
    assert table["answer"].tolist() == pytest.approx([image.sum().item()] * 3, abs=1e-4)
    assert table["used"].tolist() == [False, True, True]  # 2, 4 and 8 of 14, a fifth or more
    negative = instance_effects(model, image, instances, TARGET * 0, twin)
    assert negative["together"].tolist() == pytest.approx([-14] * 3, abs=1e-4)
    assert not negative["used"].any()


def test_a_network_may_use_one_lesion_and_a_map_is_judged_by_both_truths() -> None:
    image, twin, instances = scene(2)

    def model(inputs: Tensor) -> Tensor:
        return 3 * lesion_sum(inputs, instances, 2)

    effects = instance_effects(model, image, instances, TARGET, twin, samples=["s7"])
    assert effects["used"].tolist() == [False, True, False]
    kept = used_instances(instances, effects, samples=["s7"])
    assert torch.equal(kept, torch.where(instances == 2, 2, 0))
    maps = (instances == 2).float()
    table = planted_and_used(maps, instances, effects, ["precision_at_k", "mass_accuracy"], samples=["s7"])
    row = table.set_index("metric").loc["precision_at_k"]
    # Two voxels of the used lesion first, then the 4 others of six by chance among the 46 that tie.
    assert row["planted"] == pytest.approx((2 + 4 * 4 / 46) / 6)
    assert row["used"] == 1.0 and row["disagreement"] == pytest.approx(1 - row["planted"])
    assert (row["lesions"], row["lesions_used"]) == (3, 1)
    assert row["planted"] == precision_at_k(maps, instances).item()


def test_lesions_of_which_any_suffices_are_all_used() -> None:
    image, twin, instances = scene(2)

    def model(inputs: Tensor) -> Tensor:
        seen = [lesion_sum(inputs, instances, n) > lesion_sum(twin, instances, n) + 1 for n in (1, 2, 5)]
        return torch.stack(seen, 1).any(1).float()

    table = instance_effects(model, image, instances, TARGET, twin)
    assert table["alone"].tolist() == [0, 0, 0]
    assert table["only"].tolist() == [1, 1, 1]
    assert table["used"].tolist() == [True, True, True]


def test_a_network_that_looks_elsewhere_uses_none() -> None:
    image, twin, instances = scene(2)
    image[0, 0, 5, 7] += 1.0  # a shortcut that the twin does not have

    def model(inputs: Tensor) -> Tensor:
        return inputs[:, 0, 5, 7]

    effects = instance_effects(model, image, instances, TARGET, twin)
    assert effects["together"].tolist() == [0.0] * 3 and effects["whole"].tolist() == pytest.approx([1.0] * 3)
    assert not effects["used"].any()
    table = planted_and_used(image[:, 0], instances, effects, ["roc_auc"])
    assert table["planted"].notna().all() and table["used"].isna().all()


def test_any_reference_and_any_regions_may_be_cut_out() -> None:
    image, _, instances = scene(2)
    halves = torch.where(instances > 0, 2 * instances, 0)
    halves[0, :, 4] += (instances[0, :, 4] > 0).long()

    def model(inputs: Tensor) -> Tensor:
        return inputs.flatten(1).sum(1)

    table = instance_effects(model, image, halves, TARGET, 0.0)
    assert table["instance"].tolist() == [2, 3, 4, 5, 10, 11]
    first = image[0, 0][halves[0] == 2].item()
    assert table["alone"][0] == pytest.approx(first, abs=1e-5)


def test_a_batch_is_its_items_alone_and_samples_without_lesions_have_no_row() -> None:
    image, twin, instances = scene(2)
    images, twins = torch.cat([image, twin, image * 2]), torch.cat([twin, twin, twin * 2])
    numbers = torch.cat([instances, instances * 0, instances])

    def model(inputs: Tensor) -> Tensor:
        return torch.tanh(inputs.flatten(1).sum(1) / 50)

    table = instance_effects(model, images, numbers, torch.tensor([1, 1, 0]), twins, batch_size=4)
    assert table["sample"].tolist() == [0] * 3 + [2] * 3
    alone = instance_effects(model, images[2:], numbers[2:], torch.tensor([0]), twins[2:])
    assert table["alone"][3:].tolist() == pytest.approx(alone["alone"].tolist(), abs=1e-6)
    both = planted_and_used(images[:, 0], numbers, table, ["roc_auc"])
    assert both["lesions"].tolist() == [3, 0, 3] and both["planted"].isna().tolist() == [False, True, False]
    with pytest.raises(XaigtError, match="2 names for 3 samples"):
        used_instances(numbers, table, samples=["a", "b"])


def test_footprints_take_in_what_a_lesion_altered_around_its_mask() -> None:
    image, twin, instances = scene(2)
    image[0, 0, 1, 3] += 0.5  # touches lesions 1 (row 0) and 2 (row 2) alike
    image[0, 0, 5, 4] += 0.5  # below lesion 5 (row 4)
    image[0, 0, 0, 0] += 0.5  # far from all, nearest lesion 1
    whole = footprints(instances, image, twin)
    assert whole[0, 5, 4] == 5 and whole[0, 0, 0] == 1 and whole[0, 1, 3] in (1, 2)
    assert (whole[instances > 0] == instances[instances > 0]).all()
    assert int((whole > 0).sum()) == 9
    near = footprints(instances, image, twin, reach=1.0)
    assert near[0, 0, 0] == 0 and near[0, 5, 4] == 5
    assert torch.equal(footprints(instances, image, twin, epsilon=0.6), instances)
    assert torch.equal(footprints(instances * 0, image, twin), instances * 0)


@pytest.mark.parametrize("dims", [2, 3])
def test_evidence_agreement_by_hand(dims: int) -> None:
    image, twin, instances = scene(dims)

    def model(inputs: Tensor) -> Tensor:
        return inputs.flatten(1).sum(1)

    def agreement(weights: dict[int, float], numbers: Tensor = instances) -> float:
        maps = sum(weight * (instances == number) for number, weight in weights.items())
        return evidence_agreement(model, image, maps.float(), TARGET, twin, instances=numbers).item()

    # Effects are shared 1/7, 2/7, 4/7.
    assert agreement({1: 1.0, 2: 2.0, 5: 4.0}) == pytest.approx(1.0, abs=1e-5)
    assert agreement({1: 1.0, 2: 1.0, 5: 1.0}) == pytest.approx(1 / 7 + 2 / 7 + 1 / 3, abs=1e-5)
    assert agreement({2: 3.0}) == pytest.approx(2 / 7, abs=1e-5)
    assert agreement({1: 0.0}) != agreement({1: 0.0})  # no mass: NaN
    one = torch.where(instances == 2, 2, 0)
    assert agreement({2: 1.0}, one) != agreement({2: 1.0}, one)  # one lesion: NaN
