"""NIfTI files as people have them: what is read, and what is refused with its reason."""

import gzip

import nibabel
import numpy as np
import pytest

from xaigt.anatomy.geometry import Lattice
from xaigt.anatomy.intake import Volume, bounding_lattice, cormack_to_hu, read_volume, resample
from xaigt.anatomy.sources import TemplateError

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
SHAPE = (40, 44, 36)


def write(path, data, affine=AFFINE, codes=(1, 1)):
    image = nibabel.Nifti1Image(data, affine)
    image.set_sform(affine, code=codes[0])
    image.set_qform(None if codes[1] == 0 else affine, code=codes[1])
    nibabel.save(image, path)
    return path


def ramp(affine, shape):
    """World coordinates, as values: 2x + 3y - z + 500."""
    index = np.indices(shape).reshape(3, -1)
    world = affine[:3, :3] @ index + affine[:3, 3:]
    return (2 * world[0] + 3 * world[1] - world[2] + 500).reshape(shape).astype(np.float32)


TILT = np.array([[-1.5, 0, 0, 60], [0, -1.5, 1.2, 40], [0, 0, 5, -60], [0, 0, 0, 1.0]])
OBLIQUE = np.array([[0, 2.0, 0, -40], [0.3, 0, -2, 50], [2.9, 0, 0.2, -60], [0, 0, 0, 1]])


@pytest.mark.parametrize("affine", [AFFINE - 70 * np.eye(4)[:, 3:] * [0, 0, 0, 1], TILT, OBLIQUE])
def test_any_orientation_is_read_where_it_lies(tmp_path, affine):
    """A linear function of position is reproduced exactly by trilinear interpolation, whatever the affine."""
    affine = affine.copy()
    affine[3] = [0, 0, 0, 1]
    shape = (60, 60, 30)
    path = tmp_path / "a.nii.gz"
    image = nibabel.Nifti1Image(ramp(affine, shape), affine)
    nibabel.save(image, path)
    volume = read_volume(path)
    middle = (volume.affine @ [30, 30, 15, 1])[:3][::-1]
    lattice = Lattice((9, 9, 9), tuple(float(value) - 4 for value in middle))
    z, y, x = np.meshgrid(*[axis.ravel() for axis in lattice.axes()], indexing="ij")
    assert np.allclose(resample(volume, lattice), 2 * x + 3 * y - z + 500, atol=0.05)


def test_shear_is_told():
    assert Volume(np.zeros((2, 2, 2), np.float32), AFFINE, None).shear_deg == pytest.approx(0, abs=1e-6)
    assert Volume(np.zeros((2, 2, 2), np.float32), TILT, None).shear_deg == pytest.approx(
        np.degrees(np.arctan(1.2 / 5)), abs=1e-6
    )


def test_a_pose_moves_what_is_read():
    volume = Volume(ramp(AFFINE, SHAPE), AFFINE, None)
    pose = np.eye(4)
    pose[0, 3] = 10.0  # the lattice's 0 is the file's x = 10
    lattice = Lattice((3, 3, 3), (60.0, 60.0, 60.0))
    assert np.allclose(resample(volume, lattice, pose) - resample(volume, lattice), 20, atol=1e-3)


def test_the_bounding_lattice_holds_every_voxel():
    lattice = bounding_lattice(Volume(np.zeros((60, 60, 30), np.float32), TILT, None), 2.0)
    corners = [TILT @ [i, j, k, 1] for i in (0, 59) for j in (0, 59) for k in (0, 29)]
    for axis, row in enumerate((2, 1, 0)):
        low, high = min(c[row] for c in corners), max(c[row] for c in corners)
        assert lattice.origin[axis] == pytest.approx(low)
        assert low + (lattice.shape[axis] - 1) * 2 == pytest.approx(high, abs=2)


@pytest.mark.parametrize(
    ("units", "hu"), [(0, -1024), (900, -124), (1900, -1000 / 11 * 0 + 1000 / 11 - 124), (3100, 76), (3500, 476)]
)
def test_cormack_units(units, hu):
    assert cormack_to_hu(np.array([units], np.float32))[0] == pytest.approx(hu, abs=1e-3)


def test_one_volume_on_a_fourth_axis_is_a_volume(tmp_path):
    data = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(*SHAPE, 1)
    assert read_volume(write(tmp_path / "a.nii", data)).data.shape == SHAPE


def noise(shape=SHAPE):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def with_nan():
    data = noise()
    data[3, 4, 5] = np.nan
    return data


RGB = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (with_nan, "1 voxels are NaN or infinite"),
        (lambda: np.zeros(SHAPE, np.int16), "is empty: every voxel is 0"),
        (lambda: np.full(SHAPE, 7, np.int16), "is constant: every voxel is 7"),
        (lambda: noise((*SHAPE, 3)), r"a series of volumes \(40 x 44 x 36 x 3\)"),
        (lambda: noise((40, 44, 3)), "has 3 slices in one direction"),
        (lambda: RGB, r"colours \(RGB\)"),
        (lambda: noise().astype(np.complex64), "complex"),
    ],
)
def test_what_is_refused(tmp_path, make, message):
    path = write(tmp_path / "a.nii.gz", make())
    with pytest.raises(TemplateError, match=message) as caught:
        read_volume(path)
    assert str(path) in str(caught.value)


def test_a_truncated_gzip_is_refused(tmp_path):
    path = write(tmp_path / "a.nii.gz", noise())
    path.write_bytes(path.read_bytes()[:-20000])
    with pytest.raises(TemplateError, match="truncated or damaged"):
        read_volume(path)


def test_what_is_no_nifti_is_refused(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"hello" * 200)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(b"hello" * 200))
    for name in ("a.nii", "b.nii.gz", "none.nii"):
        with pytest.raises(TemplateError):
            read_volume(tmp_path / name)


def test_unknown_orientation_and_impossible_sizes_are_refused(tmp_path):
    with pytest.raises(TemplateError, match="left and right"):
        read_volume(write(tmp_path / "a.nii", noise(), codes=(0, 0)))
    with pytest.raises(TemplateError, match="is no head"):
        read_volume(write(tmp_path / "b.nii", noise(), np.diag([0.004, 0.004, 0.004, 1])))
