"""Components and boxes: by hand, against MONAI, in 2-D and 3-D."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.metrics.cases import lesions, noise
from xaigt.errors import XaigtError
from xaigt.metrics import MapBatch, box_dice, box_iou, loose_hit, matched_box_dice, matched_box_iou
from xaigt.metrics.box_overlap import overlap_matrix
from xaigt.metrics.boxes import fill_boxes, find_boxes
from xaigt.metrics.components import label

# An L, and a voxel that touches it at a corner only.
DIAGONAL = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]], dtype=torch.bool)


@pytest.mark.parametrize(
    ("connectivity", "numbers"),
    [
        (4, [[1, 1, 0, 0], [1, 0, 0, 0], [0, 2, 0, 0]]),
        (8, DIAGONAL.int().tolist()),
        (None, DIAGONAL.int().tolist()),
    ],
)
def test_neighbours_in_2d(connectivity: int | None, numbers: list[list[int]]) -> None:
    assert label(DIAGONAL[None], connectivity)[0].tolist() == numbers


@pytest.mark.parametrize(("connectivity", "count"), [(6, 3), (18, 2), (26, 1), (None, 1)])
def test_neighbours_in_3d(connectivity: int | None, count: int) -> None:
    mask = torch.zeros(1, 3, 3, 3, dtype=torch.bool)
    # The second differs from the first along two axes, the third from the second along three.
    mask[0, 0, 0, 0] = mask[0, 0, 1, 1] = mask[0, 1, 2, 2] = True
    assert int(label(mask, connectivity).max()) == count


def test_numbers_start_anew_in_every_sample_and_samples_do_not_touch() -> None:
    masks = torch.ones(3, 4, 4, dtype=torch.bool)
    masks[1] = False
    masks[2, 1:3] = False
    numbers = label(masks)
    assert [int(n.max()) for n in numbers] == [1, 0, 2]
    with pytest.raises(XaigtError, match="connectivity in 2-D is one of 4, 8"):
        label(masks, 26)


def test_boxes_are_filled() -> None:
    numbers = label(DIAGONAL[None], 4)
    assert find_boxes(numbers) == [[(slice(0, 2), slice(0, 2)), (slice(2, 3), slice(1, 2))]]
    assert fill_boxes(numbers)[0].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]]


def blocks(dims: int, corners: list[tuple[int, int, int, int]]) -> torch.Tensor:
    """A 10 x 10 mask of rectangles (rows from-to, columns from-to), three slices deep in 3-D."""
    mask = torch.zeros(1, 10, 10, dtype=torch.bool)
    for top, bottom, left, right in corners:
        mask[0, top:bottom, left:right] = True
    return mask if dims == 2 else torch.stack([torch.zeros_like(mask), mask, mask, mask], 1)


@pytest.mark.parametrize("dims", [2, 3])
def test_union_and_matching_by_hand(dims: int) -> None:
    truth = blocks(dims, [(0, 2, 0, 2), (5, 9, 5, 9)])  # areas 4, 16
    found = blocks(dims, [(0, 2, 1, 3), (5, 9, 5, 7), (9, 10, 0, 1)]).float()  # areas 4, 8, 1; common 2, 8
    assert box_iou(found, truth).item() == pytest.approx(10 / (13 + 20 - 10))
    assert box_dice(found, truth).item() == pytest.approx(2 * 10 / (13 + 20))
    assert matched_box_iou(found, truth).item() == pytest.approx((2 / 6 + 8 / 16) / 3)
    assert matched_box_dice(found, truth).item() == pytest.approx((4 / 8 + 16 / 24) / 3)
    assert loose_hit(found, truth).item() == 1.0


def test_matching_is_optimal_not_greedy() -> None:
    # Greedy pairs the second box with the first lesion (IoU 12/28) and leaves the first box alone.
    truth, found = torch.zeros(1, 3, 40, dtype=torch.bool), torch.zeros(1, 3, 40)
    truth[0, 1, 0:20] = truth[0, 1, 21:40] = True
    found[0, 1, 0:7] = found[0, 1, 8:28] = 1.0
    boxes = [find_boxes(label(mask)) for mask in (found > 0, truth)]
    np.testing.assert_allclose(
        overlap_matrix(boxes[0][0], boxes[1][0], "iou"), [[7 / 20, 0], [12 / 28, 7 / 32]]
    )
    assert matched_box_iou(found, truth).item() == pytest.approx((7 / 20 + 7 / 32) / 2)


def test_boxes_fill_what_pixels_miss() -> None:
    truth = blocks(2, [(0, 4, 0, 4)])
    ring = truth.clone()
    ring[0, 1:3, 1:3] = False
    assert box_iou(ring.float(), truth).item() == 1.0
    assert loose_hit(blocks(2, [(8, 9, 8, 9)]).float(), truth).item() == 0.0


@pytest.mark.parametrize("dims", [2, 3])
def test_pair_overlaps_equal_monai(dims: int) -> None:
    from monai.data.box_utils import box_iou as monai_iou

    batch = MapBatch(noise(dims), lesions(dims))
    predicted = find_boxes(label(batch.values.reshape(batch.masks.shape) > 0.8))[0]
    truth = find_boxes(batch.labels)[0]

    def corners(boxes: list[tuple[slice, ...]]) -> np.ndarray:
        return np.array([[s.start for s in b] + [s.stop for s in b] for b in boxes], dtype=float)

    ours = overlap_matrix(predicted, truth, "iou")
    np.testing.assert_allclose(ours, monai_iou(corners(predicted), corners(truth)), atol=1e-6)
    assert ours.shape == (len(predicted), 2)
