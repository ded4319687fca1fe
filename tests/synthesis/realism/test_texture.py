"""Noise power and sharpness: measured on images whose noise and edges are known."""

import numpy as np
import pytest
from scipy import ndimage

from xaigt.synthesis.loading import load_recipe
from xaigt.synthesis.realism.figures import real_slice
from xaigt.synthesis.realism.texture import generated, texture_of
from xaigt.volume import write_nifti


def head(noise, step=1.0):
    """A ball of white matter with a shell of bone; z, y, x."""
    shape = (int(112 / step), 128, 128)
    z, y, x = (np.arange(n, dtype=np.float32) - n / 2 for n in shape)
    distance = np.sqrt((z * step)[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    volume = np.where(distance < 40, 29.0, np.where(distance < 54, 1000.0, -1000.0))
    return (volume + noise(shape)).astype(np.float32)


def white(sd):
    return lambda shape: np.random.default_rng(0).normal(0, sd, shape)


def test_white_noise_has_its_deviation_and_a_flat_spectrum():
    found = texture_of(head(white(4.0)), (1.0, 1.0, 1.0))
    # A plane of best fit with six terms takes 6 / 256 of the variance.
    assert found.squares > 20 and found.sd == pytest.approx(4 * np.sqrt(1 - 6 / 256), rel=0.03)
    # The lowest frequencies go with the plane; power is variance times the area of a pixel.
    assert found.power[2:] == pytest.approx(16.0, rel=0.1)


def test_grain_lowers_the_mean_frequency():
    def grain(shape):
        noise = ndimage.gaussian_filter(white(1.0)(shape), (0, 1, 1))
        return 4 * noise / noise.std()

    fine, coarse = texture_of(head(white(4.0)), (1.0, 1.0, 1.0)), texture_of(head(grain), (1.0, 1.0, 1.0))
    assert coarse.mean_frequency < 0.6 * fine.mean_frequency
    # Gaussian grain of 1 mm: power falls by exp(-(2 pi f)^2), but for what leaks between the frequencies of a square.
    low, high = coarse.frequency[1], coarse.frequency[3]
    expected = np.exp(-((2 * np.pi) ** 2) * (high**2 - low**2))
    assert expected / 2 < coarse.power[3] / coarse.power[1] < 2 * expected


@pytest.mark.parametrize("sd", [1.0, 2.0])
def test_the_rise_along_z_is_that_of_the_blur(sd):
    volume = ndimage.gaussian_filter(head(white(0.0), step=0.5), (sd / 0.5, 0, 0))
    # A Gaussian edge rises from 10 to 90 % over 2.563 SD; the bone is 14 mm thick, and round.
    assert texture_of(volume, (0.5, 1.0, 1.0)).rise_mm == pytest.approx(2.563 * sd, rel=0.25)


def test_generated_noise_is_what_the_recipe_says():
    found = {}
    for hu in (3, 5):
        recipe = load_recipe("hemorrhage", [f"acquisition.noise_hu={hu}", "acquisition.beam_hu=0"])
        found[hu] = texture_of(*generated(recipe, 5.0))
        assert found[hu].squares > 50
        assert 4 < found[hu].rise_mm < 10  # slices of 5 mm through a skull that slopes
    # The same subject and the same noise: what its anatomy adds to the variance is the same.
    assert found[5].sd ** 2 - found[3].sd ** 2 == pytest.approx(25 - 9, rel=0.2)


def test_a_real_scan_is_shown_in_the_pose_of_the_samples(tmp_path):
    """Front up, the patient's right on the left, whatever the axes of the file."""
    volume = np.full((40, 60, 50), -1000.0, np.float32)  # z, y, x: up, front, right
    volume[5:35, 10:50, 10:40] = 30.0
    volume[:, 40:50, 10:20] = 60.0  # in front, on the left
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    write_nifti(tmp_path / "scan.nii.gz", volume, affine)
    image = real_slice(tmp_path / "scan.nii.gz", 112)
    rows, columns = np.nonzero(image > 50)
    assert rows.mean() < 55 and columns.mean() > 56
    assert (image > 0).sum() == pytest.approx(40 * 30, rel=0.15)  # pixels of 2 mm, voxels of 2 mm
