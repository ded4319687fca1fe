"""What every metric declares of itself is true: degenerate input, chance, oracle, batches, flips."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import xaigt.metrics
from tests.metrics.cases import lesions, map_metrics, noise, regions
from xaigt.errors import XaigtError
from xaigt.metrics import MapBatch, MapMetric, attainable, get, names, permutation_chance
from xaigt.metrics.catalog import METRICS
from xaigt.metrics.declaration import CASES

MAP_METRICS = map_metrics()
each_metric = pytest.mark.parametrize("metric", MAP_METRICS, ids=lambda metric: metric.name)
each_dims = pytest.mark.parametrize("dims", [2, 3])


def same(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)


def case(name: str, dims: int) -> tuple[torch.Tensor, torch.Tensor]:
    maps, masks = noise(dims), lesions(dims)
    if name == "all-zero map":
        maps = torch.zeros_like(maps)
    elif name == "constant map":
        maps = torch.full_like(maps, 0.3)
    elif name == "map with NaN":
        maps[:, 0, 0] = math.nan
    elif name == "empty mask":
        masks = torch.zeros_like(masks)
    else:
        masks = torch.ones_like(masks)
    return maps, masks


@each_metric
@each_dims
@pytest.mark.parametrize("name", CASES)
def test_a_degenerate_input_scores_as_declared_and_is_never_perfect(
    metric: MapMetric, dims: int, name: str
) -> None:
    maps, masks = case(name, dims)
    extra = regions(dims)
    value = metric(maps, masks, regions=extra)
    outcome = metric.degenerate[name]
    if outcome == "nan":
        assert value.isnan().all()
    elif outcome == "chance":
        chance = metric.chance_of(MapBatch(maps, masks, regions=extra, sign=metric.signs[0]))
        torch.testing.assert_close(value, chance, rtol=1e-6, atol=1e-6)
    elif outcome == "share":
        same(value, MapBatch(maps, masks).share.double())
    elif outcome != "any":
        same(value, torch.full_like(value, outcome))
    if math.isfinite(metric.best) and name in ("all-zero map", "constant map"):
        assert (value != metric.best).all()


@each_metric
@each_dims
def test_a_batch_scores_as_its_items_alone(metric: MapMetric, dims: int) -> None:
    maps, masks, extra = noise(dims), lesions(dims), regions(dims)
    support = torch.ones_like(masks)
    support[:, 0] = False
    maps[1] *= torch.nan
    together = metric(maps, masks, support=support, regions=extra)
    alone = [
        metric(maps[i : i + 1], masks[i : i + 1], support=support[i : i + 1],
               regions={name: mask[i : i + 1] for name, mask in extra.items()})
        for i in range(len(maps))
    ]  # fmt: skip
    same(together, torch.cat(alone))
    assert together[1].isnan() and together[0].isfinite()


@each_metric
@each_dims
def test_flips_and_scaling_do_not_matter(metric: MapMetric, dims: int) -> None:
    maps, masks, extra = noise(dims), lesions(dims), regions(dims)
    value = metric(maps, masks, regions=extra)
    assert value.isfinite().all()
    low, high = metric.range
    assert (value >= low).all() and (value <= high).all()
    for axis in range(1, dims + 1):
        flipped = {name: mask.flip(axis) for name, mask in extra.items()}
        torch.testing.assert_close(
            metric(maps.flip(axis), masks.flip(axis), regions=flipped), value, rtol=1e-6, atol=1e-6
        )
    torch.testing.assert_close(metric(maps * 8, masks, regions=extra), value, rtol=1e-6, atol=1e-6)


@each_metric
@each_dims
def test_values_outside_the_support_or_ignored_do_not_matter(metric: MapMetric, dims: int) -> None:
    maps, masks, extra = noise(dims), lesions(dims), regions(dims)
    outside = torch.zeros_like(masks)
    outside[:, -1] = True
    changed = torch.where(outside, torch.nan, maps)
    expected = metric(maps, masks & ~outside, support=~outside, regions=extra)
    assert expected.isfinite().all()
    same(metric(changed, masks | outside, support=~outside, regions=extra), expected)
    same(metric(changed, masks | outside, ignore=outside, regions=extra), expected)


@each_metric
@each_dims
def test_the_truth_itself_attains_the_best_value_at_full_resolution(metric: MapMetric, dims: int) -> None:
    masks, extra = lesions(dims), regions(dims)
    value = attainable(metric, masks, masks.shape[1:], regions=extra)
    same(value, metric(masks.float(), masks, regions=extra))
    if math.isfinite(metric.best):
        same(value, torch.full_like(value, metric.best))
    elif metric.direction == "higher":
        assert (value > metric(noise(dims), masks, regions=extra)).all()


@each_metric
@each_dims
def test_random_maps_score_chance(metric: MapMetric, dims: int) -> None:
    maps, masks, extra = noise(dims), lesions(dims), regions(dims)
    count = 30 if metric.chance == "permutation" else 300
    drawn = permutation_chance(metric, maps, masks, permutations=count, regions=extra)
    assert (drawn.low <= drawn.mean + 1e-9).all() and (drawn.mean <= drawn.high + 1e-9).all()
    if metric.chance != "permutation":
        declared = metric.chance_of(MapBatch(maps, masks, regions=extra, sign=metric.signs[0]))
        assert ((declared - drawn.mean).abs() <= 4 * drawn.error + 1e-9).all()


@each_metric
def test_a_declaration_is_complete(metric: MapMetric) -> None:
    assert metric.summary.endswith(".") and len(metric.source) > 20
    assert metric.range[0] < metric.range[1]
    assert set(CASES) == set(metric.degenerate)
    assert metric.signs[0] == "relu"
    assert get(metric.title) == metric


def test_every_name_is_in_the_file_that_the_catalogue_says_and_nowhere_else() -> None:
    for name in names():
        assert get(name).name == name
        assert get(name).compute.__module__ == f"xaigt.metrics.{METRICS[name]}"
    assert set(xaigt.metrics.__all__) == {*xaigt.metrics._PLACES, "get", "names"}
    assert xaigt.metrics.roc_auc is get("roc_auc")
    modules = {path.stem for path in Path(xaigt.metrics.__file__).parent.glob("*.py")}
    assert not modules & set(xaigt.metrics.__all__)  # a submodule would hide the name once it is imported


def test_a_metric_is_found_without_importing_its_neighbours() -> None:
    code = (
        "import sys, xaigt.metrics; assert 'torch' not in sys.modules;"
        "xaigt.metrics.get('roc_auc');"
        "print([m for m in sys.modules if m.startswith(('xaigt', 'pandas', 'monai', 'ot.', 'sklearn'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for absent in ("pandas", "monai", "ot.", "sklearn", "metrics.mass", "metrics.boxes", "xaigt.cli"):
        assert absent not in run.stdout
    assert "xaigt.metrics.ranking" in run.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("precison_at_k", "did you mean 'precision_at_k'"),
        ("dice(treshold=0.3)", "did you mean 'threshold'"),
        ("dice(0.3)", "key=value"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(XaigtError, match=message.replace("(", r"\(")):
        get(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": torch.rand(12, 10)}, "maps are"),
        ({"maps": torch.rand(3, 6, 5)}, "resize"),
        ({"sign": "positive"}, "sign policy"),
        ({"sign": "signed"}, "not defined for sign='signed'"),
        ({"spacing": (1.0,)}, "2 positive numbers"),
        ({"support": torch.ones(4, 4)}, "support has shape"),
    ],
)
def test_bad_input_is_refused_with_what_would_be_right(change: dict[str, object], message: str) -> None:
    arguments = {"maps": noise(2), "masks": lesions(2), **change}
    with pytest.raises(XaigtError, match=message):
        get("mass_accuracy")(**arguments)
