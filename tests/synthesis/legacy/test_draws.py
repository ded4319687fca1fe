"""The published random numbers, against numpy's own legacy generator called as the published code calls it."""

import numpy as np
import pytest

from xaigt.errors import XaigtError
from xaigt.synthesis.legacy.draws import draw_head, draw_places

# The published code speaks to numpy's global generator; so does this test.
# ruff: noqa: NPY002


def published(seed, brain, rectangles):
    """Count, class, order and places, written as the published code runs."""
    np.random.seed(seed)
    count = np.random.randint(3, 6)
    label = np.random.randint(0, 2)
    order = list(range(30))
    np.random.shuffle(order)
    np.random.seed(seed)
    free = brain.astype(float)
    rows, columns = np.where(free == 1.0)
    places = []
    while len(places) < len(rectangles):
        drawn = np.random.choice(np.arange(len(rows)))
        height, width = rectangles[len(places)]
        window = free[rows[drawn] : rows[drawn] + height, columns[drawn] : columns[drawn] + width]
        if window.shape == (height, width) and (window == 1).all():
            window -= 0.1
            places.append((int(rows[drawn]), int(columns[drawn]), int(drawn)))
    return count, label, order, places


@pytest.mark.parametrize("seed", [*range(10), 30000, 50007])
def test_ten_images_are_drawn_as_published(seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:90, :90]
    brain = ((y - 45) / 40) ** 2 + ((x - 44) / 35) ** 2 < 1
    rectangles = [(int(a), int(b)) for a, b in rng.integers(8, 20, (4, 2))]
    count, label, order, places = published(seed, brain, rectangles)
    head = draw_head(seed, 30)
    assert (head.count, head.label, list(head.order)) == (count, label, order)
    found = draw_places(np.random.RandomState(seed), brain, rectangles, [np.ones(shape, bool) for shape in rectangles])
    assert [(place.row, place.column, place.rank) for place in found] == places


@pytest.mark.parametrize(("base", "irregular"), [(0, 1210), (30_000, 1217), (50_000, 1265)])
def test_classes_are_as_often_as_the_published_notebook_printed(base, irregular):
    # "1210 slices of target 1 out of 2500 slices: 48.4 %", then 1217 of validation and 1265 of holdout
    assert sum(draw_head(base + i, 30).label for i in range(2500)) == irregular


def test_the_first_ten_labels_and_counts():
    drawn = [draw_head(i, 30) for i in range(10)]
    assert [head.label for head in drawn] == [1, 1, 1, 0, 0, 1, 1, 1, 1, 0]
    assert [head.count for head in drawn] == [3, 4, 3, 5, 5, 5, 5, 3, 3, 5]


def test_what_is_taken_is_avoided_and_nothing_else():
    brain = np.zeros((12, 6), bool)
    brain[1:11, 1:5] = True  # room for 10 x 4
    half = np.zeros((6, 4), bool)
    half[:2] = True  # 2 of 6 rows are taken
    first, second = draw_places(np.random.RandomState(0), brain, [(6, 4), (6, 4)], [half, half])
    assert not (first.row <= second.row < first.row + 2 or second.row <= first.row < second.row + 6)
    with pytest.raises(XaigtError, match="no room"):
        draw_places(np.random.RandomState(0), brain, [(6, 4), (6, 4)], [np.ones((6, 4), bool)] * 2)


def test_coupling_is_in_the_generator_itself():
    """Seeded anew, the second candidate's rank has the parity of the class wherever the first number was accepted."""
    agree = []
    for seed in range(300):
        words = np.random.RandomState(seed).randint(0, 2**16, 2)  # no word is rejected for a range of 2^16
        if words[0] % 4 != 3:  # else the count took a second word
            head = draw_head(seed, 30)
            assert head.count == 3 + words[0] % 4
            agree.append(words[1] % 2 == head.label)
    assert len(agree) > 200
    assert all(agree)
