"""Slices at uneven distances are resampled to even ones where their positions are given."""

import json

import nibabel
import numpy as np
import pytest
import yaml

from xaigt import catalog
from xaigt.anatomy import adding, supplied
from xaigt.anatomy.intake import Volume
from xaigt.anatomy.sources import TemplateError
from xaigt.anatomy.uneven import beside, evened, read_positions

AFFINE = np.array([[-2.0, 0, 0, 60], [0, 2, 0, -40], [0, 0, 7, -50], [0, 0, 0, 1]])
# Thin at the base and thick above, as head CTs are often taken: ten slices 3 mm apart, then eight 6 mm apart.
POSITIONS = [3.0 * k for k in range(10)] + [27.0 + 6 * k for k in range(1, 9)]


def volume(positions=POSITIONS, affine=AFFINE):
    """Every voxel holds the true height of its slice above the first."""
    along = np.abs(np.array(positions) - positions[0])
    return Volume(np.broadcast_to(along, (40, 44, len(along))).astype(np.float32).copy(), affine, None)


@pytest.mark.parametrize("positions", [POSITIONS, [-p for p in POSITIONS], [p + 812.5 for p in POSITIONS]])
def test_even_slices_show_what_lies_at_their_heights(positions):
    found = evened(volume(positions), positions)
    assert found.data.shape == (40, 44, 26) and found.spacing.tolist() == [2, 2, 3]  # 75 mm in steps of 3
    assert np.allclose(found.data[3, 4], np.arange(26) * 3.0)
    assert np.allclose(found.affine[:3, 3], AFFINE[:3, 3])


def test_a_tilted_stack_stays_tilted():
    tilted = AFFINE.copy()
    tilted[1, 2] = 2.0
    found = evened(volume(affine=tilted), POSITIONS)
    assert found.spacing[2] == pytest.approx(3)
    assert found.affine[1, 2] / found.affine[2, 2] == pytest.approx(2 / 7)


def test_even_positions_only_correct_the_distance():
    positions = [5.0 * k for k in range(18)]
    found = evened(volume(positions), positions)
    assert found.spacing[2] == pytest.approx(5) and np.array_equal(found.data, volume(positions).data)


def test_no_positions_no_change():
    same = volume()
    assert evened(same, None) is same


def test_too_few_positions_are_refused():
    with pytest.raises(TemplateError, match="has 18 slices, but 3 positions"):
        evened(volume(), [0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "0 3 6 6 9", "must rise, or fall"),
        ("a.txt", "0 3 x", "more than numbers"),
        ("a.txt", "", "must rise, or fall"),
        ("a.txt", "0 300 600", "in millimetres"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", '{"SliceTiming": [0, 1]}', "SlicePositions"),
        ("a.json", '["a"]', "list of numbers"),
    ],
)
def test_positions_that_cannot_be(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(TemplateError, match=message) as caught:
        read_positions(tmp_path / name)
    assert name in str(caught.value)


def test_positions_are_read_from_text_json_and_sidecar(tmp_path):
    (tmp_path / "a.txt").write_text("0, 3\n6 12")
    (tmp_path / "a.json").write_text(json.dumps({"SlicePositions": [0, 3, 6, 12]}))
    (tmp_path / "b.json").write_text("[0, 3, 6, 12]")
    for name in ("a.txt", "a.json", "b.json"):
        assert read_positions(tmp_path / name) == [0, 3, 6, 12]
    assert beside(tmp_path / "a.nii.gz") == [0, 3, 6, 12]
    assert beside(tmp_path / "c.nii.gz") is None


def test_a_card_keeps_the_positions_and_the_image_is_read_with_them(tmp_path, monkeypatch):
    monkeypatch.setenv("XAIGT_CATALOG", str(tmp_path / "catalog"))
    path = tmp_path / "sub-1_ct.nii"
    image = volume().data + np.linspace(0, 0.4, 44, dtype=np.float32)[:, None]  # with few values it were a label map
    nibabel.save(nibabel.Nifti1Image(image, AFFINE), path)
    path.with_suffix(".json").write_text(json.dumps({"SlicePositions": POSITIONS}))
    (scan,) = adding.find_scans(path)
    card = adding.add(scan)
    written = yaml.safe_load((catalog.user_folder() / "templates" / f"{card.name}.yaml").read_text())
    assert written["sources"][0]["slice_positions_mm"] == POSITIONS
    assert supplied.read_image(card).data.shape == (40, 44, 26)
