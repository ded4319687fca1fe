"""The score table, the references beside it, and what is degenerate about a sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.metrics.cases import lesions, noise, regions
from xaigt.errors import XaigtError
from xaigt.metrics import attainable, get, reference_scores, resize, score, through_grid
from xaigt.metrics.table import COLUMNS, DEFAULT, EXTRA


@pytest.mark.parametrize("dims", [2, 3])
def test_a_table_holds_what_the_metrics_say_alone(dims: int) -> None:
    maps, masks = noise(dims), lesions(dims)
    support = noise(dims, seed=2) > 0.2
    wanted = [*DEFAULT, "dice(threshold=otsu)", "recall(threshold=top:0.1)", "pointing_game(tolerance=2)"]
    table = score(maps, masks, wanted, support=support, sign="abs")
    assert list(table.columns) == [*COLUMNS, *EXTRA]
    assert len(table) == 3 * len(wanted)
    for name in wanted:
        rows = table[table["metric"] == get(name).title]
        assert rows["sample"].tolist() == [0, 1, 2]
        np.testing.assert_allclose(rows["value"], get(name)(maps, masks, support=support, sign="abs"), 1e-12)
    assert set(table["sign"]) == {"abs"} and set(table["note"]) == {""}


def test_columns_of_the_caller() -> None:
    table = score(
        noise(2), lesions(2), ["ranking"],
        columns={"method": "gradcam", "stage": "layer4", "sample": np.array([7, 8, 9]), "split": "test",
                 "correct": [True, False, True], "confidence": torch.tensor([0.5, 0.75, 1.0]), "seed": 3},
    )  # fmt: skip
    assert table["metric"].nunique() == 4
    first = table.iloc[1]
    assert (first["method"], first["sample"], first["seed"]) == ("gradcam", 8, 3)
    assert (first["correct"], first["confidence"]) == (False, 0.75)
    assert table["network_id"].isna().all()


def test_a_table_survives_parquet(tmp_path: object) -> None:
    import pandas as pd

    table = score(noise(2), lesions(2), columns={"method": "gradcam"})
    table.to_parquet(f"{tmp_path}/scores.parquet")
    read = pd.read_parquet(f"{tmp_path}/scores.parquet")
    assert read["value"].tolist() == table["value"].tolist() and list(read.columns) == list(table.columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"methud": "x"}, "did you mean 'method'"),
        ({"value": 1.0}, "filled by score"),
        ({"sample": [1, 2]}, "2 values for 3 samples"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: dict[str, object], message: str) -> None:
    with pytest.raises(XaigtError, match=message):
        score(noise(2), lesions(2), columns=columns)


def test_no_metric_is_no_table() -> None:
    with pytest.raises(XaigtError, match="metrics is empty"):
        score(noise(2), lesions(2), [])


def test_notes_say_what_is_degenerate() -> None:
    maps, masks, support = noise(2, 6), lesions(2, 3).repeat(2, 1, 1), torch.ones(6, 12, 10, dtype=torch.bool)
    maps[0], maps[1], maps[2, 0, 0] = 0.0, -1.0, float("inf")
    masks[3], masks[4], support[5] = False, True, False
    notes = score(maps, masks, ["roc_auc"], support=support, sign="signed")["note"].tolist()
    assert notes == [
        "all-zero map", "constant map", "map with NaN", "empty mask", "full mask", "nothing to evaluate",
    ]  # fmt: skip
    # After ReLU a negative map is all zero.
    assert score(maps, masks, ["roc_auc"], sign="relu")["note"][1] == "all-zero map"


@pytest.mark.parametrize("dims", [2, 3])
def test_references_are_chance_and_the_truth_through_the_grid(dims: int) -> None:
    masks, grid = lesions(dims), (3, 2) if dims == 2 else (2, 3, 2)
    table = reference_scores(masks, ["ranking", "mass"], grids={"late": grid}, columns={"split": "test"})
    chance = table[(table["method"] == "chance") & (table["metric"] == "roc_auc")]
    assert chance["value"].tolist() == [0.5] * 3
    rows = table[(table["method"] == "attainable") & (table["metric"] == "precision_at_k")]
    assert rows["stage"].tolist() == ["late"] * 3 and set(table["split"]) == {"test"}
    coarse = torch.stack([_block_means(mask.numpy(), grid) for mask in masks])
    seen = resize(coarse, masks.shape[1:])
    torch.testing.assert_close(through_grid(masks, grid), seen.float())
    expected = get("precision_at_k")(seen.float(), masks)
    assert rows["value"].tolist() == expected.tolist()
    assert expected.tolist() == attainable(get("precision_at_k"), masks, grid).tolist()


def _block_means(mask: np.ndarray, grid: tuple[int, ...]) -> torch.Tensor:
    blocks = np.zeros(grid)
    for cell in np.ndindex(*grid):
        area = tuple(
            slice(c * s // g, -(-(c + 1) * s // g)) for c, s, g in zip(cell, mask.shape, grid, strict=True)
        )
        blocks[cell] = mask[area].mean()
    return torch.from_numpy(blocks)


def test_a_grid_finer_than_the_masks_is_refused() -> None:
    with pytest.raises(XaigtError, match="not finer"):
        through_grid(lesions(2), (13, 10))
    with pytest.raises(XaigtError, match="resize mode"):
        resize(noise(2), (3, 3), mode="cubic")


def test_regions_and_unknown_groups() -> None:
    table = score(noise(2), lesions(2), ["distractor_mass"], regions=regions(2))
    assert table["value"].notna().all()
    with pytest.raises(XaigtError, match="did you mean 'mass_accuracy'"):
        score(noise(2), lesions(2), ["mass_acuracy"])
