"""Realism pages: the comparisons by hand, and that every published quantity can be measured."""

import math

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from xaigt.errors import XaigtError
from xaigt.lesions import family
from xaigt.synthesis.published import ASSUMED, FAMILIES, MEASURED, PUBLISHED, Published
from xaigt.synthesis.realism_mr import MEASURES, Sizes, compare, drawn, real_shapes, shape_of
from xaigt.synthesis.realism_page import main, markdown
from xaigt.volume import write_nifti


def test_every_row_of_the_table_can_be_measured():
    assert {item.quantity for item in PUBLISHED} <= set(MEASURES)
    for name in FAMILIES:
        assert family(name).name == name
    for item in PUBLISHED:
        assert item.verified == (item.source != ASSUMED)
        assert len(item.counts) == (len(item.value) - 1 if item.kind == "shares" else 0)


@pytest.mark.parametrize(
    ("item", "values", "words"),
    [
        (Published("x", "value", "range", (1.0, 2.0), ASSUMED), [1.5, 2.0, 3.0, 0.5], "50 % inside"),
        (Published("x", "value", "range", (3.0, math.inf), ASSUMED), [3.0, 9.0], "100 % inside"),
        (Published("x", "value", "mean and SD", (1.0, 0.1), MEASURED), [1.0, 1.5], "mean differs by +0.250"),
        (
            Published("x", "volume", "shares", (0, 1, 2), MEASURED, counts=(1, 3)),
            [0.5, 0.5, 1.5, 1.5],
            "largest difference of a class 25.0 %",
        ),
    ],
)
def test_comparisons_by_hand(item, values, words):
    assert compare(item, np.array(values)) == words


def test_a_ball_is_compact_and_as_smooth_as_its_smoothed_self():
    z, y, x = np.mgrid[-15:16, -15:16, -15:16] * 2.0
    ball = z**2 + y**2 + x**2 <= 22.0**2
    found = shape_of(ball, 2.0)
    assert found["volume_ml"] == pytest.approx(4 / 3 * math.pi * 2.2**3, rel=0.02)
    assert found["compactness"] == pytest.approx(1, abs=0.03) and found["roughness"] == pytest.approx(1, abs=0.08)
    rough = ball & ((z // 4 + y // 4 + x // 4) % 2 == 0)
    assert shape_of(rough, 2.0)["roughness"] > 1.5


def test_real_masks_are_read_at_two_millimetres(tmp_path):
    mask = np.zeros((40, 40, 40), np.uint8)
    mask[10:30, 10:30, 10:30] = 1
    write_nifti(tmp_path / "a_lesion.nii.gz", mask, np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])
    (row,) = real_shapes(tmp_path).to_dict("records")
    assert row["mask"] == "a_lesion.nii.gz" and row["volume_ml"] == 8.0
    with pytest.raises(XaigtError, match="holds no mask"):
        real_shapes(tmp_path.parent / "nothing")


def test_drawn_values_are_over_white_matter():
    values = MEASURES["value"](drawn("microbleed", "SWI", Sizes(samples=3)))
    assert values.min() >= 0.1 and values.max() <= 0.4


def test_the_command_writes_a_figure_and_a_table(tmp_path):
    arguments = ["--output", str(tmp_path), "--samples", "3", "--rendered", "2", "--family", "microbleed"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    table = pd.read_csv(tmp_path / "realism" / "microbleed.csv")
    assert list(table["stated"]) == ["2 to 10", "0.1 to 0.4"]
    assert (tmp_path / "realism" / "microbleed.png").read_bytes().startswith(b"\x89PNG")
    assert markdown(table).count("\n") == len(table) + 2
