import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xaigt.anatomy.fields import CHANNELS, load_fields
from xaigt.anatomy.subjects import Subject, SubjectMap, SubjectRecipe, draw_subject, smooth_displacement
from xaigt.anatomy.world import Anatomy
from xaigt.randomness import stream

CPU = torch.device("cpu")
PLAIN = Subject(
    rotation_deg=(0, 0, 0), scale=(1, 1, 1), shift_mm=(0, 0, 0), displacement_mm=0, displacement_seed=0,
    ventricles_mm=0, grey_hu=38, white_hu=29, csf_hu=8, bone=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def fields():
    return load_fields("mni152-ct")


def moved(fields, **changes):
    return SubjectMap(PLAIN.model_copy(update=changes), fields, CPU)


def test_the_plain_subject_is_the_template(fields):
    points = torch.rand(50, 3) * 100 - 50
    assert torch.allclose(moved(fields).to_template(points), points, atol=1e-4)


def test_shift_and_scale_by_hand(fields):
    """A subject shifted by (3, 4, 5) mm shows at p what the template has at p - shift; twice as wide, half as far."""
    x, y, z = fields.centre
    shifted = moved(fields, shift_mm=(3, 4, 5)).to_template(torch.tensor([[z + 5, y + 4, x + 3]]))
    assert torch.allclose(shifted, torch.tensor([[z, y, x]]), atol=1e-4)
    scaled = moved(fields, scale=(2, 1, 1)).to_template(torch.tensor([[z, y, x + 20]]))
    assert torch.allclose(scaled, torch.tensor([[z, y, x + 10]]), atol=1e-4)


def test_rotation_is_about_the_middle_of_the_head(fields):
    x, y, z = fields.centre
    turned = moved(fields, rotation_deg=(0, 0, 90)).to_template(torch.tensor([[z, y, x], [z, y, x + 10]]))
    assert torch.allclose(turned, torch.tensor([[z, y, x], [z, y + 10, x]]), atol=1e-4)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_map_is_inverted_to_a_hundredth_of_a_millimetre_and_does_not_fold(seed):
    fields = load_fields("mni152-ct")
    subject = draw_subject(stream(seed, 0, "subject"), SubjectRecipe())
    anatomy = Anatomy.of(fields, subject, CPU)
    rng = np.random.default_rng(seed)
    target = tuple(float(value) for value in rng.uniform([-20, -80, -50], [60, 50, 50]))
    back = anatomy.map.to_template(torch.tensor([anatomy.to_scanner(target)], dtype=torch.float32))[0]
    assert np.allclose(back.numpy(), target, atol=0.01)
    # Few points, and many, are mapped alike.
    for count in (1, 50, 1000):
        some = rng.uniform([-60, -110, -80], [90, 80, 80], (count, 3))
        mapped = anatomy.map.to_template(torch.from_numpy(some.astype(np.float32))).numpy()
        assert np.allclose(anatomy.locate(some), mapped, atol=1e-4)
    # Jacobian by central differences on random points: positive everywhere.
    points = torch.from_numpy(rng.uniform([-60, -110, -80], [90, 80, 80], (400, 3)).astype(np.float32))
    step = 1.0
    columns = [
        (anatomy.map.to_template(points + step * axis) - anatomy.map.to_template(points - step * axis)) / (2 * step)
        for axis in torch.eye(3)
    ]
    assert torch.linalg.det(torch.stack(columns, -1)).min() > 0.1


def test_displacement_is_smooth_limited_and_reproducible():
    shape = (45, 56, 48)
    field = smooth_displacement(5, 3.0, shape, 4.0)
    assert np.array_equal(field, smooth_displacement(5, 3.0, shape, 4.0))
    assert field.shape == (3, *shape)
    assert np.abs(field).max() <= 6.0  # a B-spline lies inside the hull of its control values: 2 SD
    assert max(np.abs(np.diff(field, axis=axis)).max() for axis in (1, 2, 3)) / 4.0 < 0.4


def ventricle_volume(fields, millimetres):
    anatomy = Anatomy(fields, moved(fields, ventricles_mm=millimetres))
    axes = [torch.arange(low, high, 2.0) for low, high in ((-50, 40), (-70, 45), (-50, 50))]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    return float((anatomy(points, "ventricles") > 0).sum()) * 8 / 1000


def test_ventricles_grow_with_their_parameter(fields):
    volumes = [ventricle_volume(fields, mm) for mm in (-0.5, 0, 1.5, 3)]
    assert volumes == sorted(volumes)
    assert volumes[-1] > 1.5 * volumes[1]


def test_the_world_reads_the_channel_that_is_named(fields):
    anatomy = Anatomy.of(fields, PLAIN, CPU)
    z, y, x = 40, 60, 100
    point = torch.tensor([[o + i for o, i in zip(fields.lattice.origin, (z, y, x), strict=True)]])
    for name in ("white", "parenchyma"):
        assert float(anatomy(point, name)[0]) == pytest.approx(
            float(fields.data[CHANNELS.index(name), z, y, x]), abs=1e-4
        )
