"""docs/how-to/add-a-lesion-family.md does what it says: its files are written and its commands run."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import xaigt

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-lesion-family.md"
FILES = {"python": "cysts.py", "toml": "pyproject.toml", "yaml": "catalog/generators/cysts.yaml"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def install(folder, packages):
    """What pip does with such a project: the module, and a dist-info folder that names its entry point."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]:
        (packages / name).write_bytes((folder / name).read_bytes())
    info = packages / "cysts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cysts\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{group}]\n{name} = {value}\n" for group, points in project["project"]["entry-points"].items()
             for name, value in points.items()]  # fmt: skip
    (info / "entry_points.txt").write_text("".join(lines), encoding="utf-8")


# Runs commands in one interpreter: starting one for each would take most of the time.
DRIVER = """
import json, sys
from click.testing import CliRunner
from xaigt.cli.main import xaigt_command
outputs = {}
for line in json.load(sys.stdin):
    done = CliRunner().invoke(xaigt_command, line.split()[1:], catch_exceptions=False)
    assert done.exit_code == 0, line + "\\n" + done.output
    outputs[line] = done.output
print(json.dumps(outputs))
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folder in which the page was followed, and the output of each command."""
    folder, packages = tmp_path_factory.mktemp("mine"), tmp_path_factory.mktemp("site-packages")
    for language, name in FILES.items():
        (text,) = blocks(language)
        assert f"`{name}`" in PAGE.read_text(encoding="utf-8")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(packages), str(ROOT)]), "COLUMNS": "160"}
    commands = []
    for line in "".join(blocks("sh")).splitlines():
        word, *rest = line.split()
        if word == "pip":
            assert rest == ["install", "."]
            install(folder, packages)
        elif word == "export":
            name, _, value = rest[0].partition("=")
            environment[name] = value
        else:
            assert word == "xaigt"
            commands.append(line)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(commands),
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_every_block_of_the_page_is_used():
    languages = re.findall(r"^```(\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(languages) == {*FILES, "sh"}


def test_the_recipe_is_listed_and_written_out(followed):
    _, outputs = followed
    assert re.search(r"^ *cysts +presence +CT +cyst +mni152-ct", outputs["xaigt recipes list"], re.MULTILINE)
    written = outputs["xaigt recipes show cysts --yaml"]
    assert "diameter_mm" in written and "value: 6.0" in written


@pytest.mark.parametrize(("name", "axes"), [("cysts-2d", 2), ("cysts-3d", 3)])
def test_the_family_is_planted(followed, name, axes):
    data = xaigt.load(followed[0] / name)
    rows = data.lesions
    assert set(rows["family"]) == {"cyst"} and set(data.samples["class"]) == {"no cyst", "cysts"}
    assert (followed[0] / "cysts-2d" / "sample-000000.png").exists()
    for index in range(len(data)):
        sample = data[index]
        assert sample.image.ndim == axes
        assert bool((sample.lesion > 0).any()) == (sample.row["class"] == "cysts")
    assert (rows["volume_mm3"] > 4 / 3 * 3.14 * 6**3).all()  # diameters of 12 mm and more
    assert (rows.loc[rows["voxels"] > 0, "mean"] < 25).all()  # fluid, less than white matter
