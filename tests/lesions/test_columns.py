"""Columns of points, which layers of blood are resolved on."""

import numpy as np
import pytest

from tests.lesions.planted import Slab
from xaigt.lesions.columns import LAYERS, NODES, Columns, between, layers


def test_between_is_linear_along_each_column():
    nodes = np.linspace(0, 1, NODES)
    table = np.stack([3 + 2 * nodes, -nodes])[:, :, None].repeat(2, 2)
    shares = np.array([[0, 0.1, 0.5, 0.77, 0.9, 0.99, 1.0], [1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.0]])[:, :LAYERS]
    found = between(table, shares)
    assert found[0, :, 1] == pytest.approx(3 + 2 * shares[0]) and found[1, :, 0] == pytest.approx(-shares[1])


def test_layers_fill_each_column_evenly_and_begin_at_all_depths():
    shares = layers(25)
    assert shares.shape == (25, 25, LAYERS) and shares.min() >= 0 and shares.max() < 1
    assert np.diff(shares, axis=-1) == pytest.approx(1 / LAYERS)
    first = np.sort(shares[..., 0].ravel()) * LAYERS  # as many columns begin in each tenth of a layer
    assert np.histogram(first, 10, (0, 1))[0] == pytest.approx(62.5, abs=3)
    with pytest.raises(ValueError, match="read-only"):
        shares[0, 0, 0] = 1


def plane():
    """Columns over a plane x = 0, 2 mm apart along y and 3 along z, 6 mm high."""
    z, y, x = np.meshgrid(3.0 * np.arange(4), 2.0 * np.arange(4), np.linspace(0, 6, NODES), indexing="ij")
    return Columns(np.stack([z, y, x], -1), np.ones((4, 4, LAYERS)), np.zeros((4, 4)))


def test_what_is_read_of_some_columns():
    used = np.zeros((4, 4), bool)
    used[1, 2] = used[3, 0] = True
    found = plane().read(used, Slab(), lambda nodes: nodes[..., 0].astype(np.float32))
    assert found.points.shape == (2, LAYERS, 3) and np.array_equal(found.points, found.at)
    assert found.points[0, :, 1] == pytest.approx(4) and found.noise[1] == pytest.approx(9)
    assert found.points[..., 2] == pytest.approx(6 * layers(4)[used]) and found.depth == pytest.approx(50)


def test_the_step_is_to_the_next_column_of_a_filled_one():
    filled = np.zeros((4, 4), bool)
    assert plane().step(filled) == 0
    filled[0, 0] = True
    assert plane().step(filled) == pytest.approx(3)
