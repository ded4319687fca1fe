"""What a command loads decides how fast it starts: heavy packages only where they are needed."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "monai", "torchio", "timm", "pytorch_grad_cam", "statsmodels", "nilearn", "scipy", "pandas", "zarr"}
NOT_TO_GENERATE = {"monai", "torchio", "timm", "pytorch_grad_cam", "statsmodels", "nilearn", "sklearn", "torchvision"}


def loaded(code):
    """Top-level modules that are loaded after `code` ran in a fresh interpreter."""
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def cli(*arguments):
    return (
        "from click.testing import CliRunner\nfrom xaigt.cli.main import xaigt_command\n"
        f"result = CliRunner().invoke(xaigt_command, {list(arguments)!r})\n"
        "assert result.exit_code == 0, result.output"
    )


@pytest.mark.parametrize("code", ["import xaigt", cli("--help"), cli("--version"), cli("generate", "--help")])
def test_help_and_import_load_nothing_heavy(code):
    assert not loaded(code) & HEAVY


def test_generate_loads_no_framework_that_it_does_not_use(tmp_path):
    arguments = [
        "generate",
        "--lesion",
        "hemorrhage",
        "-n",
        "2",
        "--size",
        "64",
        "--spacing",
        "3.5",
        "-o",
        str(tmp_path / "d"),
    ]
    assert not loaded(cli(*arguments)) & NOT_TO_GENERATE


def test_every_public_name_is_there():
    import xaigt

    assert set(dir(xaigt)) == set(xaigt.__all__)
    for name in xaigt.__all__:
        assert getattr(xaigt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        xaigt.lod  # noqa: B018
