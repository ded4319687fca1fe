"""C-Score: by hand, by a plain double loop, its gold lists, references and degenerate maps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import c_score, consistency_references, in_template


def answers(count: int) -> dict[str, torch.Tensor]:
    labels = torch.arange(count) % 2
    return {
        "labels": labels,
        "predictions": labels.clone(),
        "confidences": torch.linspace(0.6, 0.95, count, dtype=torch.float64),
    }


def plain(maps: np.ndarray, p: np.ndarray, gamma: float, similarity: str, weight: str) -> float:
    low, high = maps.min(1, keepdims=True), maps.max(1, keepdims=True)
    h = ((maps - low) / (high - low)) ** gamma
    top = bottom = 0.0
    for i, j in itertools.combinations(range(len(h)), 2):
        if similarity == "soft_iou":
            alike = np.minimum(h[i], h[j]).sum() / np.maximum(h[i], h[j]).sum()
        else:
            product = (h[i] * h[j]).sum()
            alike = product / (h[i].sum() + h[j].sum() - product)
        w = {"product": p[i] * p[j], "mean": (p[i] + p[j]) / 2, "min": min(p[i], p[j]), "none": 1.0}[weight]
        top, bottom = top + w * alike, bottom + w
    return top / bottom


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("similarity", ["soft_iou", "product"])
@pytest.mark.parametrize("weight", ["product", "mean", "min", "none"])
@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_equals_the_definition(dims: int, similarity: str, weight: str, gamma: float) -> None:
    maps, known = noise(dims, 9), answers(9)
    table = c_score(maps, **known, similarity=similarity, weight=weight, gamma=gamma, block=7)
    for name in (0, 1):
        kept = known["labels"] == name
        expected = plain(
            maps[kept].flatten(1).double().numpy(),
            known["confidences"][kept].numpy(),
            gamma,
            similarity,
            weight,
        )
        row = table[table["class"] == name].iloc[0]
        assert row["value"] == pytest.approx(expected, abs=1e-6)
        assert row["low"] <= row["value"] <= row["high"]
    macro = table.iloc[-1]
    assert macro["class"] == "macro" and macro["gold"] == 9
    assert macro["value"] == pytest.approx(table["value"][:2].mean())


def test_by_hand() -> None:
    maps = torch.tensor([[[4.0, 2], [0, 0]], [[2.0, 1], [0, 1]], [[0.0, 0], [3, 0]]])
    known = {
        "labels": torch.zeros(3),
        "predictions": torch.zeros(3),
        "confidences": torch.tensor([1.0, 0.5, 0.5]),
    }
    table = c_score(maps, **known, gamma=1.0)
    # h: (1, .5, 0, 0), (1, .5, 0, .5), (0, 0, 1, 0): S01 = 1.5/2, S02 = S12 = 0; weights .5, .5, .25
    assert table["value"][0] == pytest.approx(0.5 * 0.75 / 1.25)
    assert c_score(maps, **known, gamma=2.0)["value"][0] == pytest.approx(0.5 * (1.25 / 1.5) / 1.25)


def test_the_gold_list_holds_what_is_right_and_sure() -> None:
    maps, known = noise(2, 6), answers(6)
    known["predictions"][0] = 1  # wrong
    known["confidences"][1] = 0.3  # unsure
    table = c_score(maps, **known).set_index("class")
    assert table.loc[0, "gold"] == 2 and table.loc[1, "gold"] == 2
    strict = c_score(maps, **known, tau=0.93).set_index("class")
    assert strict.loc[1, "gold"] == 1 and np.isnan(strict.loc[1, "value"])
    assert strict.loc[1, "reason"] == "1 maps on the gold list; a pair needs 2"
    assert strict.loc["macro", "reason"] == "no class has a value"


def test_degenerate_maps_are_like_nothing_and_nan_is_left_out() -> None:
    maps, known = noise(2, 8), answers(8)
    maps[0], maps[2], maps[1, 0, 0] = 0.0, 0.7, torch.nan
    table = c_score(maps, **known).set_index("class")
    assert table.loc[0, ["gold", "constant", "left_out"]].tolist() == [4, 2, 0]
    assert table.loc[1, ["gold", "constant", "left_out"]].tolist() == [4, 0, 1]
    kept = maps[[4, 6]].flatten(1).double().numpy()
    p = known["confidences"].numpy()
    pair = plain(kept, p[[4, 6]], 2.0, "soft_iou", "none")
    weights = sum(p[i] * p[j] for i, j in itertools.combinations((0, 2, 4, 6), 2))
    assert table.loc[0, "value"] == pytest.approx(pair * p[4] * p[6] / weights, abs=1e-6)
    collapsed = c_score(torch.zeros(8, 12, 10), **known)
    assert collapsed["value"].tolist() == [0.0, 0.0, 0.0]


def test_equal_maps_score_one_and_references_stand_beside() -> None:
    masks, known = lesions(2, 3).repeat(2, 1, 1), answers(6)
    same = noise(2, 1).expand(6, -1, -1)
    assert c_score(same, **known)["value"].tolist() == pytest.approx([1.0] * 3)
    table = consistency_references(masks, **known).set_index(["reference", "class"])
    assert table.loc[("truth", "macro"), "value"] == c_score(masks.float(), **known)["value"].iloc[-1]
    assert table.loc[("prior", "macro"), "value"] == pytest.approx(1.0)
    own = noise(2, 6)
    table = consistency_references(masks, **known, prior=own).set_index(["reference", "class"])
    assert table.loc[("prior", 0), "value"] == c_score(own, **known)["value"][0]


def test_support_confines_the_comparison() -> None:
    maps, known = noise(2, 4), answers(4)
    support = torch.ones(12, 10, dtype=torch.bool)
    support[:, 5:] = False
    inside = c_score(maps[:, :, :5], **known)
    changed = torch.where(support, maps, torch.nan)
    for table in (c_score(changed, **known, support=support), c_score(changed, **known, ignore=~support)):
        assert table["value"].tolist() == pytest.approx(inside["value"].tolist(), abs=1e-6)


def test_maps_are_read_in_template_space() -> None:
    maps = noise(2, 2)
    axes = torch.meshgrid(torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 10), indexing="ij")
    own = torch.stack([axes[1], axes[0]], -1).expand(2, -1, -1, -1)
    torch.testing.assert_close(in_template(maps, own), maps)
    torch.testing.assert_close(in_template(maps, own.flip(1)), maps.flip(1))
    with pytest.raises(XaigtError, match="do not fit"):
        in_template(maps, own[:1])


@settings(derandomize=True, max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(4, 9), gamma=st.floats(0.5, 4))
def test_range_order_and_blocks(seed: int, count: int, gamma: float) -> None:
    maps, known = noise(3, count, seed), answers(count)
    table = c_score(maps, **known, gamma=gamma, resamples=20)
    assert table["value"].between(0, 1).all()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = {name: values[order] for name, values in known.items()}
    moved = c_score(maps[order], **shuffled, gamma=gamma, resamples=20, block=50)
    np.testing.assert_allclose(moved["value"], table["value"], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"similarity": "iou"}, "did you mean 'soft_iou'"),
        ({"weight": "max"}, "Unknown weight"),
        ({"labels": torch.zeros(3)}, "labels has shape"),
        ({"sign": "positive"}, "sign policy"),
    ],
)
def test_bad_choices_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(XaigtError, match=message):
        c_score(noise(2, 4), **{**answers(4), **change})
