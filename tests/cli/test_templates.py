"""`xaigt templates`: what it prints, writes and refuses."""

import numpy as np
import pytest
from click.testing import CliRunner

from xaigt.anatomy import quality
from xaigt.cli.main import xaigt_command
from xaigt.errors import XaigtError


def run(*arguments):
    return CliRunner().invoke(xaigt_command, ["templates", *arguments], catch_exceptions=True)


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    monkeypatch.setenv("XAIGT_CATALOG", str(tmp_path / "catalog"))
    return tmp_path / "catalog" / "templates"


def test_list_names_every_template_and_where_its_data_are():
    found = run("list", "--modality", "CT")
    assert found.exit_code == 0
    assert "mni152-ct" in found.output and "embedded" in found.output and "scct-1mm" in found.output
    assert "colin27" not in found.output


def test_show_prints_the_card_and_draws_it(tmp_path):
    found = run("show", "mni152-ct", "-o", str(tmp_path / "a.png"))
    assert found.exit_code == 0, found.output
    assert "McConnell Brain Imaging Centre" in found.output and "421a10e8" in found.output
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_check_draws_what_was_understood_and_says_the_volumes(tmp_path):
    found = run("check", "mni152-ct", "-o", str(tmp_path / "b.png"))
    assert found.exit_code == 0, found.output
    assert "mL inside the skull" in found.output and (tmp_path / "b.png").stat().st_size > 50_000


def test_add_writes_a_card_that_forbids_what_was_not_allowed(tmp_path, catalogue):
    import nibabel

    path = tmp_path / "Some Head_T1w.nii.gz"
    image = nibabel.Nifti1Image(np.random.default_rng(0).normal(size=(40, 44, 36)).astype(np.float32), np.eye(4) * 4)
    nibabel.save(image, path)
    found = run("add", str(path), "--no-check")
    assert found.exit_code == 0, found.output
    (card,) = catalogue.glob("*.yaml")
    assert card.stem.startswith("some-head-t1w-")
    shown = run("list")
    assert "restricted" in shown.output and "own" in shown.output
    assert run("add", str(path), "--no-check").exit_code == 0  # the same again changes nothing
    assert len(list(catalogue.glob("*.yaml"))) == 1


def test_what_cannot_be_understood_is_not_kept(tmp_path, catalogue):
    import nibabel

    path = tmp_path / "noise.nii.gz"
    image = nibabel.Nifti1Image(np.random.default_rng(0).normal(size=(40, 44, 36)).astype(np.float32), np.eye(4) * 4)
    nibabel.save(image, path)
    found = run("add", str(path), "--modality", "CT")
    assert isinstance(found.exception, XaigtError) and "not in Hounsfield units" in str(found.exception)
    assert list(catalogue.glob("*.yaml")) == []


def test_dice_and_surface_distance_of_known_masks():
    a, b = np.zeros((20, 20, 20), bool), np.zeros((20, 20, 20), bool)
    a[5:15, 5:15, 5:15] = True
    b[5:15, 5:15, 7:17] = True
    found = quality.compare(a, b, "cube", spacing=2.0)
    assert found.dice == pytest.approx(0.8)
    assert found.true_ml == pytest.approx(8.0)
    assert 0 < found.distance_mm < 4
    assert quality.compare(a, a, "same").distance_mm == 0


def own_head(tmp_path, **options):
    import nibabel

    from xaigt.anatomy import adding

    path = tmp_path / "head_T1w.nii.gz"
    image = nibabel.Nifti1Image(np.random.default_rng(0).normal(size=(40, 44, 36)).astype(np.float32), np.eye(4) * 4)
    nibabel.save(image, path)
    return adding.add(adding.Scan(path, "T1w", None), **options), path


def test_terms_are_said_before_anything_is_made(tmp_path, catalogue, capsys):
    from xaigt.cli.terms import print_restrictions

    card, _ = own_head(tmp_path, licence="CC BY-NC 4.0", redistribution=True)
    print_restrictions([card.name, "mni152-ct"])
    said = capsys.readouterr().err
    assert "CC BY-NC 4.0" in said and "may not be used commercially" in said and "redistributed" not in said
    assert "mni152-ct" not in said


def test_a_scan_that_was_added_is_known_by_its_bytes(tmp_path, catalogue):
    from xaigt.anatomy import adding

    card, path = own_head(tmp_path, name="mine", licence="CC0")
    copy = tmp_path / "other-name_T1w.nii.gz"
    copy.write_bytes(path.read_bytes())
    assert adding.known(copy) == card
    copy.write_bytes(b"else")
    assert adding.known(copy) is None


def test_variation_writes_a_table_and_a_figure(tmp_path):
    page, figure = tmp_path / "docs" / "variation.md", tmp_path / "images" / "variation.png"
    page.parent.mkdir()
    figure.parent.mkdir()
    found = run("variation", "mni152-ct", "-n", "2", "--figure", str(figure), "-o", str(page))
    assert found.exit_code == 0, found.output
    assert "(../images/variation.png)" in page.read_text() and "ventricles, mL" in page.read_text()
    assert figure.read_bytes()[:4] == b"\x89PNG"


def test_slice_positions_are_for_one_file_and_reach_the_card(tmp_path, catalogue):
    _, path = own_head(tmp_path, name="first")
    positions = tmp_path / "positions.txt"
    positions.write_text(" ".join(str(4 * k if k < 20 else 76 + 6 * (k - 19)) for k in range(36)))
    found = run("add", str(path), "--no-check", "--name", "second", "--slice-positions", str(positions))
    assert found.exit_code == 0, found.output
    assert "slice_positions_mm" in (catalogue / "second.yaml").read_text()
    assert "slice_positions_mm" not in (catalogue / "first.yaml").read_text()
    positions.write_text("1 2 3")
    refused = run("add", str(path), "--no-check", "--name", "third", "--slice-positions", str(positions))
    assert isinstance(refused.exception, XaigtError) and "has 36 slices" in str(refused.exception)
