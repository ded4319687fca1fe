"""Images made of labels hold what the labels say."""

import nibabel
import numpy as np
import pytest

from xaigt.anatomy.intake import read_volume
from xaigt.anatomy.labelled import HARD_BONE, Labelled


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A ball: ventricle, white matter, grey matter, fluid, bone, soft tissue, from the inside out."""
    path = tmp_path_factory.mktemp("labels") / "ball.nii"
    z, y, x = np.ogrid[-50:50:2, -50:50:2, -50:50:2]
    radius = np.sqrt(z**2 + y**2 + x**2)
    number = np.select(
        [radius < 8, radius < 24, radius < 30, radius < 36, radius < 42, radius < 47], [4, 2, 3, 24, HARD_BONE, 507], 0
    )
    nibabel.save(nibabel.Nifti1Image(number.astype(np.int16), np.diag([2.0, 2, 2, 1])), path)
    return Labelled.read(path)


def test_masks(labelled):
    masks = labelled.masks
    inside = masks["inside the skull"]
    parts = ("grey matter", "white matter", "fluid")
    assert sum(int(masks[part].sum()) for part in parts) == int(inside.sum())
    assert (masks["ventricles"] & masks["fluid"]).sum() == masks["ventricles"].sum() > 0
    assert inside.sum() * 8 == pytest.approx(4 / 3 * np.pi * 36**3, rel=0.02)


def test_the_t1_shows_the_brain_and_two_millimetres_of_fluid(labelled, tmp_path):
    image = read_volume(labelled.t1(tmp_path).file("image")).data
    assert image[labelled.any_of((2,))].mean() == pytest.approx(1000, abs=5)
    assert image[labelled.any_of((3,))].mean() == pytest.approx(600, abs=5)
    assert (image[labelled.number >= 500] == 0).all() and (image > 0).sum() == labelled.stripped.sum()
    thickness = (labelled.stripped.sum() * 8 * 3 / 4 / np.pi) ** (1 / 3) - 30
    assert 1 < thickness < 3.5


def test_the_ct_shows_bone_and_air(labelled, tmp_path):
    image = read_volume(labelled.ct(tmp_path).file("image")).data
    assert image[labelled.number == HARD_BONE].max() > 900 and image[0, 0, 0] == pytest.approx(-1000, abs=25)
    deep = labelled.any_of((4,))
    assert image[deep].mean() == pytest.approx(8, abs=3)
