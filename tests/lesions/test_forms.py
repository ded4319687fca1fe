"""Round and irregular forms that fill the same boxes with the same number of voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.lesions.forms import Form, draw_form, find_form, fit, form_mask, lattice, size_function
from xaigt.shape import compactness

ROUND, IRREGULAR = "round", "irregular"


def form(kind=ROUND, **changes):
    plain = {
        "directions": ((0.0, 1.0),), "width_deg": 60.0, "sharpness": 2.0, "bulge": 0.0, "exponent": 2.0,
        "signs": (1.0, 1.0), "slimness": 0.0, "sides": ((1.0, 1.0), (1.0, 1.0)),
    }  # fmt: skip
    return Form(kind=kind, **{**plain, **changes})


POINTS = np.array([[0.0, 0.6], [0.8, 0.6], [-0.8, 0.6], [0.6, -0.6]])


@pytest.mark.parametrize(
    ("case", "values"),
    [
        (form(), [0.6, 1.0, 1.0, 0.6 * 2**0.5]),
        (form(exponent=1.0), [0.6, 1.4, 1.4, 1.2]),
        (form(sides=((2.0, 1.0), (0.5, 1.0))), [0.6, 1.0, np.hypot(0.4, 0.6), np.hypot(0.6, 1.2)]),
        (form(IRREGULAR, exponent=1.0), [0.6, 1.4, 1.4, 1.2]),
        # Against the only lobe, 90 degrees or more away and 60 wide: the lobe is exp(-(angle / 60)^2).
        (form(IRREGULAR, slimness=0.5), [0.6, None, None, 0.6 * 2**0.5 / (0.5 + 0.5 * np.exp(-((135 / 60) ** 2)))]),
    ],
)
def test_size_functions_by_hand(case, values):
    found = size_function(case, POINTS)
    for value, expected in zip(found, values, strict=True):
        assert expected is None or value == pytest.approx(expected)


def test_a_leaning_form_is_an_ellipse_by_hand():
    """Correlation r, signs equal: along the diagonal (1, 1) the semi-axis is sqrt(1 + r), across it sqrt(1 - r)."""
    leaning = form(slimness=0.6)
    along, across = np.array([1.0, 1.0]) / 2**0.5, np.array([1.0, -1.0]) / 2**0.5
    found = size_function(leaning, np.stack([along * 1.6**0.5, across * 0.4**0.5]))
    assert found == pytest.approx([1, 1])


def test_the_lattice_is_that_of_the_voxel_centres():
    assert lattice((4, 2))[..., 0][:, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert lattice((4, 2), 1)[0, :, 1].tolist() == [-1.5, -0.5, 0.5, 1.5]


def touches_every_side(mask):
    return all(mask.take(place, axis).any() for axis in range(mask.ndim) for place in (0, -1))


boxes = st.one_of(
    st.tuples(st.tuples(st.integers(9, 24), st.integers(9, 24)), st.floats(0.60, 0.66)),
    st.tuples(st.tuples(st.integers(8, 12), st.integers(8, 12), st.integers(8, 12)), st.floats(0.34, 0.41)),
).filter(lambda case: max(case[0]) <= 1.3 * min(case[0]))


@settings(derandomize=True, max_examples=40, deadline=None)
@given(case=boxes, seed=st.integers(0, 1000), kind=st.sampled_from([ROUND, IRREGULAR]))
def test_a_fitted_form_fills_its_box_exactly(case, seed, kind):
    shape, fill = case
    voxels = round(fill * np.prod(shape))
    rng = np.random.default_rng(seed)
    fitted = next(found for _ in range(10) if (found := fit(draw_form(rng, kind, len(shape)), shape, voxels)))
    mask = form_mask(fitted, shape)
    assert mask.sum() == voxels and touches_every_side(mask)
    assert (form_mask(Form.model_validate_json(fitted.model_dump_json()), shape) == mask).all()  # as provenance has it
    # No decision hangs on the last bits: no voxel centre lies near the border.
    assert np.abs(size_function(fitted, lattice(shape, 3)) - fitted.level).min() > 1e-8
    assert (size_function(fitted, lattice(shape, 3)) <= fitted.level).sum() == voxels  # it does not leave its box


@pytest.mark.parametrize(
    ("shape", "spacing", "voxels"),
    [
        ((21, 21), (1.0, 1.0), 280),
        ((9, 8), (2.3, 2.3), 45),
        ((13, 12), (1.0, 1.1), 98),
        ((13, 12, 12), (1.75, 1.75, 1.75), 700),
        ((7, 10, 11), (2.5, 1.75, 1.75), 280),
    ],
)
def test_both_kinds_reach_disjoint_ranges_in_the_same_box(shape, spacing, voxels):
    wanted = (
        {ROUND: (0.8, 0.95), IRREGULAR: (0.3, 0.45)}
        if len(shape) == 2
        else {ROUND: (0.9, 0.97), IRREGULAR: (0.6, 0.72)}
    )
    for kind, bounds in wanted.items():
        for seed in range(3):
            found, target, reached = find_form(np.random.default_rng(seed), kind, shape, spacing, voxels, bounds)
            mask = form_mask(found, shape)
            assert mask.sum() == voxels and touches_every_side(mask)
            assert reached == pytest.approx(compactness(mask, spacing), abs=1e-4)
            assert bounds[0] <= reached <= bounds[1] and bounds[0] <= target <= bounds[1]


def test_the_drawn_value_is_reached_where_the_box_allows_it():
    near = [
        abs(target - reached) <= 0.02
        for seed in range(12)
        for _, target, reached in [
            find_form(np.random.default_rng(seed), IRREGULAR, (21, 21), (1, 1), 280, (0.3, 0.45))
        ]
    ]
    assert sum(near) >= 9


def test_what_no_form_can_have_is_said_so():
    rng = np.random.default_rng(0)
    assert find_form(rng, ROUND, (12, 12), (1.0, 1.0), 90, (1.5, 1.6)) is None
    assert fit(draw_form(rng, ROUND, 2), (12, 12), 140) is None  # nearly the whole box: no round form has so much
