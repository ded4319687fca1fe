"""Shapes of masks, real and generated, measured alike."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from xaigt.dataset.files import DatasetError
from xaigt.synthesis.realism_shape import main, measure, real_shapes, table
from xaigt.volume import write_nifti

AFFINE = np.array([[0, 0, -2.0, 0], [0, -2.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])


def ball(radius, size=30):
    z, y, x = np.mgrid[:size, :size, :size] - (size - 1) / 2
    return z**2 + y**2 + x**2 <= radius**2


def test_a_disc_is_smooth_and_a_star_is_rough():
    y, x = np.mgrid[-30:31, -30:31]
    radius, angle = np.hypot(y, x), np.arctan2(y, x)
    disc, star = measure(radius <= 20.3, (0.5, 0.5)), measure(radius <= 20 * (1 + 0.4 * np.cos(9 * angle)), (0.5, 0.5))
    assert disc["diameter_mm"] == pytest.approx(20.3, rel=0.01)
    assert disc["roughness"] == pytest.approx(1, abs=0.05) and star["roughness"] > 1.4
    assert star["compactness"] < 0.5 < 0.9 < disc["compactness"]


def test_real_masks_are_measured_piece_by_piece_on_comparable_voxels(tmp_path):
    volume = np.zeros((40, 30, 70), np.uint8)
    volume[5:35, :, :30] = ball(12)
    volume[5:35, :, 40:] = ball(7)
    volume[0, 0, 0] = 1  # a crumb
    write_nifti(tmp_path / "one_lesion.nii.gz", volume, AFFINE)
    write_nifti(tmp_path / "one_image.nii.gz", volume, AFFINE)
    found = real_shapes(tmp_path)
    assert set(found["mask"]) == {"one_lesion"}
    whole = found[found["axes"] == 3].sort_values("diameter_mm")
    assert whole["diameter_mm"].tolist() == pytest.approx([28, 48], rel=0.05)  # voxels of 2 mm
    assert (whole["compactness"] > 0.93).all()
    assert (found[found["axes"] == 2]["diameter_mm"] > 15).all()


def test_the_command_writes_figure_and_table_and_reads_what_was_measured(tmp_path):
    write_nifti(tmp_path / "lesion.nii.gz", ball(12).astype(np.uint8), AFFINE)
    output = tmp_path / "page"
    arguments = ["--output", str(output), "--samples", "1"]
    refused = CliRunner().invoke(main, arguments)
    assert isinstance(refused.exception, DatasetError) and "--real" in str(refused.exception)
    done = CliRunner().invoke(main, [*arguments, "--real", str(tmp_path)])
    assert done.exit_code == 0, done.output
    generated = pd.read_csv(output / "generated.csv")
    assert set(generated["mask"]) == {"round", "irregular"} and set(generated["axes"]) == {2, 3}
    lines = (output / "shapes.md").read_text().splitlines()
    assert len(lines) == 2 + 6 and lines[2].startswith("| real | 2 |")
    assert table(pd.read_csv(output / "real.csv"), generated).splitlines() == lines
    assert (output / "shapes.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_masks_is_named(tmp_path):
    with pytest.raises(DatasetError, match="lesion"):
        real_shapes(tmp_path)
