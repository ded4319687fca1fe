"""Earth mover's score: by hand, against POT and against scipy's linear programme."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import earth_mover
from xaigt.metrics.transport import coarsen

ot = pytest.importorskip("ot", reason="POT is not installed")


def point(dims: int, *place: int) -> torch.Tensor:
    maps = torch.zeros(1, *(5,) * dims)
    maps[(0, *place)] = 2.0
    return maps


@pytest.mark.parametrize(
    ("start", "end", "spacing", "expected"),
    [
        ((0, 0), (4, 4), None, 0.0),
        ((0, 0), (3, 4), None, 1 - 5 / 32**0.5),
        ((2, 2), (2, 2), None, 1.0),
        ((0, 0), (3, 4), (4.0, 3.0), 1 - (144 + 144) ** 0.5 / (256 + 144) ** 0.5),
        ((0, 0, 0), (1, 2, 2), None, 1 - 3 / 48**0.5),
    ],
)
def test_by_hand(
    start: tuple[int, ...], end: tuple[int, ...], spacing: tuple[float, float] | None, expected: float
) -> None:
    dims = len(start)
    value = earth_mover(point(dims, *start), point(dims, *end) > 0, spacing=spacing)
    assert value.item() == pytest.approx(expected, abs=1e-12)


def test_half_of_the_mass_in_place_costs_half() -> None:
    maps = point(2, 0, 0) + point(2, 0, 4)
    assert earth_mover(maps, point(2, 0, 0) > 0).item() == pytest.approx(1 - 0.5 * 4 / 32**0.5)


@pytest.mark.parametrize("dims", [2, 3])
def test_exact_equals_a_linear_programme(dims: int) -> None:
    maps, masks = noise(dims, 2), lesions(dims, 2)
    value = earth_mover(maps, masks, grid=4)
    for i in range(2):
        source = coarsen(maps[i : i + 1].double(), 4)[0]
        target = coarsen(masks[i : i + 1].double(), 4)[0]
        steps = [-(-size // 4) for size in masks.shape[1:]]
        points = np.argwhere(np.ones(source.shape)) * steps
        cost, n = cdist(points, points), source.numel()
        rows = [np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))]
        sums = [(part / part.sum()).flatten().numpy() for part in (source, target)]
        solved = linprog(cost.flatten(), A_eq=np.vstack(rows), b_eq=np.concatenate(sums), method="highs")
        assert value[i].item() == pytest.approx(1 - solved.fun / cost.max(), abs=1e-9)


def test_a_full_grid_equals_pot_on_the_pixels() -> None:
    maps, masks = noise(2, 1), lesions(2, 1)
    points = np.argwhere(np.ones(masks.shape[1:])).astype(float)
    cost = ot.dist(points, points, metric="euclidean")
    source, target = maps[0].double().flatten().numpy(), masks[0].double().flatten().numpy()
    exact = ot.emd2(source / source.sum(), target / target.sum(), cost)
    assert earth_mover(maps, masks, grid=12).item() == pytest.approx(1 - exact / cost.max(), abs=1e-9)


def test_entropic_approaches_the_exact_score_from_below() -> None:
    maps, masks = noise(2), lesions(2)
    exact = earth_mover(maps, masks)
    scores = torch.stack([earth_mover(maps, masks, entropic=e) for e in (0.3, 0.05, 0.005)])
    assert (scores <= exact + 1e-6).all()
    assert (scores.diff(dim=0) > 0).all()
    torch.testing.assert_close(scores[-1], exact, rtol=0, atol=0.01)


def test_coarsening_keeps_the_mass_where_it_is() -> None:
    maps = torch.arange(35.0).reshape(1, 5, 7)
    coarse = coarsen(maps, 3)
    assert coarse.shape == (1, 3, 3)
    assert coarse[0, 0].tolist() == [0 + 1 + 2 + 7 + 8 + 9, 3 + 4 + 5 + 10 + 11 + 12, 6 + 13]
    assert coarse.sum() == maps.sum()


def test_a_map_without_mass_has_no_score_and_bad_parameters_are_refused() -> None:
    assert earth_mover(torch.zeros(1, 5, 5), point(2, 1, 1) > 0).isnan().all()
    with pytest.raises(XaigtError, match="grid of 2"):
        earth_mover(noise(2), lesions(2), grid=1)
