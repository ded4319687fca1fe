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
