"""The family shape in a world made for the test: a ball of parenchyma."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch

from xaigt.errors import XaigtError
from xaigt.lesions import family
from xaigt.lesions.room import draw_box
from xaigt.randomness import stream
from xaigt.volume import Grid

FAMILY = family("shape")
FLAT = Grid((1, 80, 80), (5.0, 1.5, 1.5), 5.0, (3.0, -4.0, 12.0))
SOLID = Grid((30, 40, 40), (2.5, 2.0, 2.0), 2.5, (3.0, -4.0, 12.0))


@dataclass(frozen=True)
class Ball:
    """Parenchyma within `radius` of the middle of the grid."""

    grid: Grid | None
    radius: float = 45.0

    @property
    def device(self):
        return torch.device("cpu")

    def locate(self, points):
        return points

    def probe(self, points, channel):
        assert channel == "parenchyma"
        middle = (FLAT if self.grid is None else self.grid).centre[::-1]
        return self.radius - np.linalg.norm(points - np.array(middle), axis=-1)


def streams(seed, form, purpose):
    """All but the shape is drawn from the same numbers."""
    return stream(seed, 0, f"{purpose}-{form}" if purpose == "shape" else purpose)


def both(seed, grid, **parameters):
    recipe = {"diameter_mm": {"uniform": [18, 24]}, "contrast": {"uniform": [50, 90]}, **parameters}
    return [
        FAMILY.draw(partial(streams, seed, form), FAMILY.recipe.model_validate({**recipe, "form": form}), Ball(grid))
        for form in ("round", "irregular")
    ]


def voxel_centres(grid):
    axes = [torch.from_numpy(axis.astype(np.float32)) for axis in grid.axes()]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def read(lesion, grid):
    """Nominal mask and added values on the grid."""
    points = voxel_centres(grid)
    found = FAMILY.footprint(lesion, Ball(grid), points, 1.0)
    mask = FAMILY.nominal(lesion, Ball(grid), points)
    assert torch.equal(found.core, mask.float()) and float(found.oedema.max()) == 0
    return mask.numpy(), found.add.numpy()


@pytest.fixture(scope="module")
def pairs():
    return [(grid, both(seed, grid)) for grid in (FLAT, SOLID) for seed in range(6)]


def test_both_forms_have_the_same_voxels_box_place_and_values(pairs):
    for grid, lesions in pairs:
        (mask, value), (other_mask, other_value) = (read(lesion, grid) for lesion in lesions)
        assert mask.sum() == other_mask.sum() == lesions[0].voxels == lesions[1].voxels
        for axis in range(3):
            rest = tuple(i for i in range(3) if i != axis)
            assert (np.flatnonzero(mask.any(rest))[[0, -1]] == np.flatnonzero(other_mask.any(rest))[[0, -1]]).all()
        assert np.array_equal(np.sort(value[mask]), np.sort(other_value[other_mask]))
        assert value.max() == other_value.max() == np.float32(lesions[0].contrast)
        assert value[~mask].max() == 0 and value[mask].min() > 0.25 * lesions[0].contrast
        assert np.sum(value == value.max()) == pytest.approx(mask.sum() / 2, abs=1)  # the plateau


def test_compactness_is_that_of_the_mask_and_of_disjoint_ranges(pairs):
    from xaigt.shape import compactness

    for grid, lesions in pairs:
        for lesion in lesions:
            mask, _ = read(lesion, grid)
            measured = compactness(mask[0], grid.spacing[1:]) if grid is FLAT else compactness(mask, grid.spacing)
            assert lesion.compactness == pytest.approx(measured, abs=1e-4)
            low, high = FAMILY.recipe(form=lesion.form).range(2 if grid is FLAT else 3)
            assert low <= measured <= high


def test_the_size_is_the_drawn_one_and_the_box_lies_in_the_parenchyma(pairs):
    for grid, (lesion, _) in pairs:
        assert 17 <= 2 * lesion.radius_mm <= 25
        assert lesion.volume_mm3 == pytest.approx(lesion.voxels * math.prod(grid.spacing))
        points = voxel_centres(grid)
        half = torch.tensor([count * step / 2 for count, step in zip(lesion.box, grid.spacing, strict=True)])
        inside = ((points - torch.tensor(lesion.centre_mm)).abs() < half).all(-1)
        assert int(inside.sum()) == math.prod(lesion.box)
        assert Ball(grid).probe(points[inside].numpy(), "parenchyma").min() > 0
        assert FAMILY.reach(lesion) == pytest.approx(float(half.norm()))


def test_the_rim_is_soft_and_the_middle_full():
    """Values rise from the rim: those of the voxels at the border are lower on average, in both forms."""
    for lesion in both(3, FLAT):
        mask, value = read(lesion, FLAT)
        mask, value = mask[0], value[0]
        around = np.stack([np.roll(mask, shift, axis) for shift in (-1, 1) for axis in (0, 1)])
        border = mask & ~around.all(0)
        assert value[border].mean() < 0.8 * value[mask & ~border].mean()


def test_a_lesion_is_the_same_read_in_parts_of_a_voxel():
    lesion = both(1, FLAT)[1]
    points = voxel_centres(FLAT)
    whole = FAMILY.footprint(lesion, Ball(FLAT), points, 1.0).add
    for offset in ([2.0, 0.7, -0.7], [-2.0, -0.4, 0.6]):
        assert torch.equal(FAMILY.footprint(lesion, Ball(FLAT), points + torch.tensor(offset), 1.0).add, whole)


def test_forms_differ_from_seed_to_seed(pairs):
    for form in (0, 1):
        shapes = [lesions[form].shape for _, lesions in pairs]
        assert len({shape.model_dump_json() for shape in shapes}) == len(shapes)


def test_provenance_keeps_the_lesion(pairs):
    for grid, (lesion, _) in pairs[::6]:
        again = FAMILY.lesion.model_validate_json(lesion.model_dump_json())
        assert again == lesion
        assert np.array_equal(read(again, grid)[1], read(lesion, grid)[1])


def test_places_are_uniform_over_all_that_fit():
    """A box of 10 voxels in a square of 14 x 14 that is all parenchyma fits at 25 places, each equally often."""
    grid = Grid((1, 14, 14), (5.0, 1.0, 1.0), 5.0, (0.0, 0.0, 0.0))
    found = [draw_box(stream(seed, 0, "place"), (1, 10, 10), grid, Ball(grid), 0.0) for seed in range(300)]
    counts = {place: found.count(place) for place in set(found)}
    assert set(counts) == {(0.0, y, x) for y in range(-2, 3) for x in range(-2, 3)}
    assert sum((count - 12) ** 2 / 12 for count in counts.values()) < 51  # chi squared of 24 degrees, p = 0.001


def test_no_room_leaves_no_lesion():
    assert draw_box(stream(0, 0, "place"), (1, 20, 20), FLAT, Ball(FLAT, radius=8.0), 0.0) is None
    assert draw_box(stream(0, 0, "place"), (1, 90, 20), FLAT, Ball(FLAT), 0.0) is None
    recipe = FAMILY.recipe(diameter_mm=20.0)
    lesion = FAMILY.draw(partial(streams, 0, "round"), recipe, Ball(FLAT, radius=8.0))
    assert lesion.volume_mm3 == 0 and not read(lesion, FLAT)[0].any()


@pytest.mark.parametrize(
    ("grid", "parameters", "says"),
    [
        (None, {}, "slice_mm"),
        (FLAT, {"diameter_mm": 6.0}, "finer spacing"),
        (FLAT, {"diameter_mm": 20.0, "compactness": (1.5, 1.6)}, "no round form"),
    ],
)
def test_what_cannot_be_drawn_says_what_would_be_right(grid, parameters, says):
    with pytest.raises(XaigtError, match=says):
        FAMILY.draw(partial(streams, 0, "round"), FAMILY.recipe.model_validate(parameters), Ball(grid))


def test_a_range_must_rise():
    with pytest.raises(ValueError, match="compactness: the first bound"):
        FAMILY.recipe.model_validate({"compactness": [0.9, 0.8]})
