import nibabel
import numpy as np
import pytest

from xaigt.volume import Grid, nifti_affine, read_nifti, rotation_matrix, write_nifti

GRID = Grid((2, 3, 4), (5.0, 2.0, 1.0), 4.0, (10.0, 20.0, 30.0))


def test_axes_and_affine_by_hand():
    z, y, x = GRID.axes()
    assert z.tolist() == [27.5, 32.5]  # rises
    assert y.tolist() == [22.0, 20.0, 18.0]  # from front to back
    assert x.tolist() == [11.5, 10.5, 9.5, 8.5]  # from right to left
    assert (GRID.affine @ [1, 2, 3, 1]).tolist() == [8.5, 18.0, 32.5, 1.0]
    assert GRID.voxel == (4.0, 2.0, 1.0)
    assert GRID.voxel_volume == 10.0
    assert GRID.at(7.0).axes()[0].tolist() == [4.5, 9.5]


@pytest.mark.parametrize("dtype", [np.int16, np.uint8])
def test_nifti_opens_with_the_world_positions_of_the_grid(tmp_path, dtype):
    array = np.arange(24).reshape(GRID.shape).astype(dtype)
    path = tmp_path / "a.nii.gz"
    write_nifti(path, array, GRID.affine)
    image = nibabel.load(path)
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    for z, y, x in np.ndindex(*GRID.shape):
        world = (GRID.affine @ [z, y, x, 1])[:3]
        i, j, k = np.rint(np.linalg.inv(image.affine) @ [*world, 1])[:3].astype(int)
        assert image.get_fdata()[i, j, k] == array[z, y, x]
    assert image.get_data_dtype() == dtype
    back, affine = read_nifti(path)
    assert np.array_equal(back, array) and np.allclose(affine, GRID.affine)
    assert [item.name for item in tmp_path.iterdir()] == ["a.nii.gz"]


def test_one_slice_becomes_a_volume_of_one_slice(tmp_path):
    grid = Grid((1, 3, 4), (5.0, 2.0, 1.0), 5.0, (0.0, 0.0, 12.0))
    write_nifti(tmp_path / "a.nii", np.zeros((3, 4), np.int16), grid.affine)
    image = nibabel.load(tmp_path / "a.nii")
    assert image.shape == (4, 3, 1)
    assert image.header.get_zooms() == (1.0, 2.0, 5.0)
    assert image.affine[2, 3] == 12.0


def test_nifti_affine_reverses_the_columns():
    assert np.array_equal(nifti_affine(GRID.affine)[:, 0], GRID.affine[:, 2])


@pytest.mark.parametrize(
    ("degrees", "point", "turned"),
    [((90, 0, 0), (0, 1, 0), (0, 0, 1)), ((0, 90, 0), (0, 0, 1), (1, 0, 0)), ((0, 0, 90), (1, 0, 0), (0, 1, 0))],
)
def test_rotations_by_hand(degrees, point, turned):
    assert np.allclose(rotation_matrix(degrees) @ point, turned)
