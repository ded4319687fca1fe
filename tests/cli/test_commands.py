"""The command line as a user meets it: exit codes, messages, pictures."""

import os
import subprocess
import sys

import pytest

from tests.conftest import SMALL_OPTIONS


def xaigt(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "xaigt", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=cwd, env=os.environ | {"COLUMNS": "110"},
    )  # fmt: skip


def generate(*arguments, cwd=None):
    return xaigt("generate", "--lesion", "hemorrhage", *SMALL_OPTIONS, *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    done = generate("-n", "6", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_generate_makes_a_dataset_and_says_what_to_do_next(made):
    folder, done = made
    assert (folder / "hemorrhage" / "gallery.png").exists()
    assert "6/6" in done.stderr
    for part in ("no hemorrhage", "train", "gallery.png", "Next: xaigt show hemorrhage 0"):
        assert part in done.stdout


def test_the_same_command_again_finds_nothing_to_do(made):
    folder, _ = made
    again = generate("-n", "6", cwd=folder)
    assert again.returncode == 0 and "6/6" in again.stderr


def test_show_draws_the_dataset_and_a_sample(made):
    folder, _ = made
    data = folder / "hemorrhage"
    for arguments, picture in (([data], data / "gallery.png"), ([data, 1], data / "sample-000001.png")):
        done = xaigt("show", *arguments)
        assert done.returncode == 0 and f"Wrote {picture}" in done.stdout
        assert picture.read_bytes().startswith(b"\x89PNG")
    done = xaigt("show", data, 6)
    assert done.returncode == 2 and "the samples 0 to 5" in done.stderr


def test_export(made):
    folder, _ = made
    done = xaigt("export", "hemorrhage", "--samples", "2", cwd=folder)
    assert done.returncode == 0
    assert (folder / "hemorrhage-nifti" / "000001" / "lesion.nii.gz").exists()


def test_a_dry_run_makes_nothing_and_writes_every_default_out(tmp_path):
    done = generate("--dry-run", "--set", "acquisition.noise_hu=2.5", "-n", "50", "-o", tmp_path / "d")
    assert done.returncode == 0, done.stderr
    assert "noise_hu: 2.5" in done.stdout and "rotation_deg" in done.stdout and "oedema_mm" in done.stdout
    assert "50 samples of 64 x 64 voxels" in done.stdout and "Nothing was made" in done.stdout
    assert not (tmp_path / "d").exists()


def test_a_recipe_file_and_settings(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "name: mine\ndescription: mine\nmodality: CT\ntemplates: [mni152-ct]\n"
        "lesions: [{family: intraparenchymal, parameters: {volume_ml: 20, sites: {choice: {lobar: 1}}}}]\n"
    )
    done = xaigt("generate", "--recipe", "mine.yaml", *SMALL_OPTIONS, "-n", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "20.0 mL" in done.stdout and (tmp_path / "mine" / "dataset.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate"], "Give --lesion NAME or --recipe NAME|FILE (known: "),
        (["generate", "--lesion", "hemorrhage", "--recipe", "hemorrhage"], "not both"),
        (["generate", "--lesion", "hemorage"], "did you mean 'hemorrhage'"),
        (["generate", "--lesion", "hemorrhage", "--template", "mni"], "unknown template 'mni'"),
        (["generate", "--lesion", "hemorrhage", "--set", "noise=3"], "unknown key 'noise'"),
        (["generate", "--lesion", "hemorrhage", "--task", "subtypes"], "field task"),
        (["generate", "--lesion", "hemorrhage", "--dim", "2", "--size", "8x64x64"], "size has 3 axes, but dim is 2"),
        (["generate", "--lesion", "hemorrhage", "--size", "big"], "such as 224 or 192x160"),
        (["generate", "--lesion", "hemorrhage", "--splits", "0.7/0.2"], "sum to 0.9, not 1"),
        (["generate", "--lesion", "hemorrhage", "--splits", "a/b"], "up to three shares"),
        (["generate", "--lesion", "hemorrhage", "-n", "0"], "0 is not in the range"),
        (["generate", "--lesion", "hemorrhage", "--device", "tpu9"], "try --device cpu"),
        (["generate", "--recipe", "none.yaml"], "none.yaml: cannot be read"),
        (["generat"], "did you mean 'generate'"),
        (["show", "nowhere"], "no such directory"),
        (["show", "."], "not an xaigt dataset"),
        (["export", "nowhere"], "no such directory"),
    ],
)
def test_bad_input_ends_with_a_message_and_status_2(tmp_path, arguments, message):
    done = xaigt(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_directory(tmp_path):
    (tmp_path / "file").write_text("x")
    done = generate("-n", "2", "-o", tmp_path / "file" / "d")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_cache_shows_and_clears(tmp_path):
    environment = os.environ | {"XAIGT_CACHE": str(tmp_path / "c")}
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x").write_bytes(b"123")

    def cache(verb):
        return subprocess.run(
            [sys.executable, "-m", "xaigt", "cache", verb], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert f"{tmp_path / 'c'}: 3 B" in cache("show")
    assert "Freed 3 B" in cache("clear")
    assert not (tmp_path / "c").exists()
