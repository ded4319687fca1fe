"""Lesions one by one, components one by one, surfaces and compartments: by hand and against MONAI."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import (
    compartment_precision,
    component_table,
    hausdorff_distance,
    lesion_precision,
    lesion_recall,
    lesion_table,
    rates,
    surface_distance,
)

# Lesion 1: two voxels. Lesion 3: four voxels. Touching, told apart by their numbers.
MASK = torch.tensor([[[1, 1, 0, 0, 0], [3, 3, 0, 0, 0], [3, 3, 0, 0, 0], [0, 0, 0, 0, 0]]])
MAP = torch.tensor([[[0.0, 0, 0, 0, 9], [9, 0, 0, 0, 0], [9, 6, 0, 0, 0], [0, 0, 0, 6, 6]]])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("coverage", "recall", "precision"),
    # Components above half: a corner (wrong), three voxels of lesion 3, two voxels below (wrong).
    [(0.0, 1 / 2, 1 / 3), (0.7, 1 / 2, 1 / 3), (0.75, 0.0, 1 / 3)],
)
def test_recall_and_precision_by_hand(coverage: float, recall: float, precision: float, dims: int) -> None:
    maps, mask = (MAP, MASK) if dims == 2 else (MAP[:, None], MASK[:, None])
    assert lesion_recall(maps, mask, coverage=coverage).item() == pytest.approx(recall)
    assert lesion_precision(maps, mask, coverage=coverage).item() == pytest.approx(precision)


def test_purity_decides_precision() -> None:
    wide = MAP.clone()
    wide[0, 1, 2] = 9.0  # three of four voxels are truth
    assert lesion_precision(wide, MASK, coverage=0.74).item() == pytest.approx(1 / 3)
    assert lesion_precision(wide, MASK, coverage=0.75).item() == 0.0


def test_a_row_a_lesion() -> None:
    maps, masks = torch.cat([MAP, MAP * torch.nan]), torch.cat([MASK, MASK])
    table = lesion_table(
        maps, masks, spacing=(2.0, 1.0), sizes=(5, 50), samples=["a", "b"],
        subtypes=[{1: "SAH", 3: "SDH"}, {1: "SAH", 3: "SDH"}],
    )  # fmt: skip
    assert table["sample"].tolist() == ["a", "a", "b", "b"]
    assert table["instance"].tolist() == [1, 3, 1, 3]
    assert table["subtype"].tolist() == ["SAH", "SDH"] * 2
    assert table["voxels"].tolist() == [2, 4] * 2 and table["volume"].tolist() == [4.0, 8.0] * 2
    assert table["size_group"].tolist() == ["0-5", "5-50"] * 2
    assert table["coverage"][:2].tolist() == [0.0, 0.75] and table["coverage"][2:].isna().all()
    assert table["found"][:2].tolist() == [False, True] and table["found"][2:].isna().all()
    assert table["mass_share"][:2].tolist() == pytest.approx([0, 24 / 45])
    assert table["relative_mass"][:2].tolist() == pytest.approx([0, (24 / 4) / (45 / 20)])
    by = rates(table, "subtype").set_index("subtype")
    assert by.loc["SDH"].tolist() == [1.0, 1.0, 1] and by.loc["SAH"].tolist() == [0.0, 0.0, 1]
    assert rates(table)["rate"].tolist() == [0.5]
    assert rates(table, ["subtype", "size_group"])["count"].tolist() == [1, 1]


def test_a_row_a_component() -> None:
    table = component_table(MAP, MASK, sizes=(2,), subtypes=[{1: "SAH", 3: "SDH"}])
    assert table["voxels"].tolist() == [1, 3, 2]
    assert table["found"].tolist() == [False, True, False]
    assert table["subtype"].tolist()[1] == "SDH" and table["subtype"].isna().tolist() == [True, False, True]
    assert table["purity"].tolist() == [0.0, 1.0, 0.0]
    assert rates(table, "size_group")["rate"].tolist() == [0.0, 0.5]
    assert len(component_table(MAP * 0, MASK)) == 0


def test_tables_refuse_what_does_not_fit() -> None:
    with pytest.raises(XaigtError, match="sizes must rise"):
        lesion_table(MAP, MASK, sizes=(5, 5))
    with pytest.raises(XaigtError, match="2 names for 1 samples"):
        lesion_table(MAP, MASK, samples=["a", "b"])
    with pytest.raises(XaigtError, match="negative"):
        lesion_recall(MAP, -MASK)


@pytest.mark.parametrize("spacing", [None, (3.0, 1.0)])
def test_surface_distances_by_hand(spacing: tuple[float, float] | None) -> None:
    maps, mask = torch.zeros(1, 9, 9), torch.zeros(1, 9, 9, dtype=torch.bool)
    maps[0, 2, 2], mask[0, 4, 2] = 1.0, True
    expected = 2.0 if spacing is None else 6.0
    assert surface_distance(maps, mask, spacing=spacing).item() == expected
    assert hausdorff_distance(maps, mask, spacing=spacing).item() == expected


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.filterwarnings("ignore::FutureWarning")  # MONAI warns of an option that it sets itself
def test_surface_distances_equal_monai_sample_by_sample(dims: int) -> None:
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    maps, masks, spacing = noise(dims), lesions(dims), [1.0, 2.0, 0.5][:dims]
    above = (maps - maps.amin()) / (maps.amax() - maps.amin())
    low, high = maps.flatten(1).amin(1), maps.flatten(1).amax(1)
    shape = (-1, *(1,) * dims)
    above = (maps - low.view(shape)) / (high - low).view(shape) > 0.9
    ours = surface_distance(maps, masks, threshold=0.9, spacing=spacing)
    largest = hausdorff_distance(maps, masks, threshold=0.9, spacing=spacing, percentile=100.0)
    for i in range(3):
        pair = above[i][None, None], masks[i][None, None]
        mean = compute_average_surface_distance(*pair, True, symmetric=True, spacing=spacing).item()
        far = compute_hausdorff_distance(
            *pair, include_background=True, percentile=100, spacing=spacing
        ).item()
        assert ours[i].item() == pytest.approx(mean) and largest[i].item() == pytest.approx(far)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("columns", "expected", "compat"),
    [(slice(0, 2), 3 / 6, 3 / 6), (slice(0, 5), 1.0, 0.0), (slice(2, 3), 0.0, 0.0)],
)
def test_compartment_precision_and_the_published_quirk(
    columns: slice, expected: float, compat: float, dims: int
) -> None:
    region = torch.zeros(1, 4, 5, dtype=torch.bool)
    region[..., columns] = True
    maps, mask = MAP, MASK
    if dims == 3:
        maps, mask, region = MAP[:, None], MASK[:, None], region[:, None]
    regions = {"compartment": region}
    assert compartment_precision(maps, mask, regions=regions).item() == pytest.approx(expected)
    assert compartment_precision(maps, mask, regions=regions, compat=True).item() == pytest.approx(compat)
    np.testing.assert_array_equal(
        compartment_precision(maps, mask * 0, regions=regions),
        compartment_precision(maps, mask, regions=regions),
    )
