"""Properties over drawn masks, maps and grids, for every metric of a map."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.cases import lesions, map_metrics, noise
from xaigt.metrics import MapMetric, attainable, blocks, permutation_chance, resize, roc_auc, score
from xaigt.metrics.table import DEFAULT

each_metric = pytest.mark.parametrize("metric", map_metrics(), ids=lambda metric: metric.name)


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, object]:
    """Maps with ties, masks of one to three boxes, a region, a support, and a grid; 2-D or 3-D."""
    dims = draw(st.sampled_from([2, 3]))
    shape = tuple(draw(st.integers(4, 7)) for _ in range(dims))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    maps = torch.randint(1, draw(st.sampled_from([3, 1000])), (2, *shape), generator=generator).float()
    maps[:, (0,) * dims] += 1  # never constant
    masks = torch.zeros(2, *shape, dtype=torch.bool)
    for mask in masks:
        for _ in range(draw(st.integers(1, 3))):
            corner = [draw(st.integers(0, size - 2)) for size in shape]
            mask[tuple(slice(start, start + draw(st.integers(1, 2))) for start in corner)] = True
    region = torch.rand(2, *shape, generator=generator) < 0.5
    region.flatten(1)[:, :2] = True
    names = ("distractor", "confounder", "suppressor", "compartment")
    grid = tuple(draw(st.integers(1, size)) for size in shape)
    return {"maps": maps, "masks": masks, "regions": dict.fromkeys(names, region), "grid": grid, "dims": dims}


@each_metric
@settings(derandomize=True, max_examples=8, deadline=None)
@given(scene=scenes())
def test_flips_and_swapped_axes_batches_and_range(metric: MapMetric, scene: dict[str, object]) -> None:
    maps, masks, regions = scene["maps"], scene["masks"], scene["regions"]
    value = metric(maps, masks, regions=regions)
    known = value[~value.isnan()]
    assert (known >= metric.range[0] - 1e-9).all() and (known <= metric.range[1] + 1e-9).all()
    for change in (lambda t: t.flip(1), lambda t: t.flip(-1), lambda t: t.transpose(1, 2)):
        moved = metric(change(maps), change(masks), regions={n: change(m) for n, m in regions.items()})
        torch.testing.assert_close(moved, value, rtol=1e-6, atol=1e-6, equal_nan=True)
    alone = [
        metric(maps[i : i + 1], masks[i : i + 1], regions={n: m[i : i + 1] for n, m in regions.items()})
        for i in range(2)
    ]
    torch.testing.assert_close(torch.cat(alone), value, rtol=1e-9, atol=1e-9, equal_nan=True)


@each_metric
@settings(derandomize=True, max_examples=8, deadline=None)
@given(scene=scenes())
def test_the_oracle_of_a_grid_scores_the_attainable_reference(metric: MapMetric, scene: dict[str, object]) -> None:
    masks, grid = scene["masks"], scene["grid"]
    pool = torch.nn.functional.adaptive_avg_pool2d if scene["dims"] == 2 else torch.nn.functional.adaptive_avg_pool3d
    oracle = pool(masks.float()[:, None], grid)[:, 0]  # the best map of that grid, at its own resolution
    value = metric(resize(oracle, masks.shape[1:]), masks, regions=scene["regions"])
    reference = attainable(metric, masks, grid, regions=scene["regions"])
    torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", ["precision_at_k", "average_precision", "roc_auc", "mass_accuracy"])
@pytest.mark.parametrize("dims", [2, 3])
def test_random_maps_lie_in_the_chance_interval_as_often_as_it_says(name: str, dims: int) -> None:
    metric = next(metric for metric in map_metrics() if metric.name == name)
    maps, masks = noise(dims, 300), lesions(dims, 1).expand(300, *[-1] * dims)
    interval = permutation_chance(metric, noise(dims, 1, seed=9), masks[:1], permutations=400)
    value = metric(maps, masks)
    inside = ((value >= interval.low) & (value <= interval.high)).double().mean().item()
    assert inside > 0.95 - 4 * (0.05 * 0.95 / 300) ** 0.5 - 0.01


@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_change_nothing(dims: int, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, masks = noise(dims, 5), lesions(dims, 3).repeat(2, *[1] * dims)[:5]
    shared, own = noise(dims, 1, seed=1)[0] > 0.2, noise(dims, 5, seed=2) < 0.9
    arguments = {"support": shared, "ignore": ~own, "regions": {"distractor": shared}}
    whole = score(maps, masks, [*DEFAULT, "distractor_mass"], **arguments)
    assert len(list(blocks.blocks(maps, masks))) == 1
    monkeypatch.setattr(blocks, "VOXELS", 2 * maps[0].numel())
    assert [b.size for b in blocks.blocks(maps, masks)] == [2, 2, 1]
    parts = score(maps, masks, [*DEFAULT, "distractor_mass"], **arguments)
    pd.testing.assert_frame_equal(whole, parts, rtol=1e-9)
    torch.testing.assert_close(roc_auc(maps, masks), roc_auc(maps.numpy(), masks.numpy()))
