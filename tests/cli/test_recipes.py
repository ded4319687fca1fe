"""``xaigt recipes``: what there is, what it is, and a picture."""

import pytest
import yaml
from click.testing import CliRunner

from xaigt import catalog
from xaigt.cli.main import xaigt_command
from xaigt.errors import XaigtError
from xaigt.synthesis.loading import load_recipe

SMALL = ["--set", "grid.size=64", "--set", "grid.spacing=3.5"]


def run(*arguments):
    return CliRunner().invoke(xaigt_command, ["recipes", *map(str, arguments)], catch_exceptions=False)


def test_every_recipe_is_listed():
    done = run("list")
    assert done.exit_code == 0
    for name in catalog.names("generators"):
        assert f" {name} " in done.output


@pytest.mark.parametrize("name", catalog.names("generators"))
def test_what_yaml_prints_is_the_same_recipe_with_every_default(name, tmp_path):
    done = run("show", name, "--yaml")
    assert done.exit_code == 0
    (tmp_path / "copy.yaml").write_text(done.output, encoding="utf-8")
    assert load_recipe(str(tmp_path / "copy.yaml")).written_out() == load_recipe(name).written_out()
    written = yaml.safe_load(done.output)
    for group in written.get("lesions", []):  # published data have none
        assert group["parameters"]
    assert written["subject"]["rotation_deg"] and written["epsilon"] is not None


def test_show_says_what_it_is_and_draws_it(tmp_path):
    done = run("show", "stroke", *SMALL, "-n", "2", "-o", tmp_path / "p.png")
    assert done.exit_code == 0
    for part in ("stroke, version 1:", "task:", "0 no stroke, 1 stroke", "DWI, 2-D", "Every value", "edge_mm:"):
        assert part in done.output
    assert f"Wrote {tmp_path / 'p.png'}" in done.output
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]


def test_settings_change_what_is_shown():
    done = run("show", "ms", "--yaml", "--set", "lesions.0.count=3", "--set", "grid.dim=3")
    written = yaml.safe_load(done.output)
    assert written["lesions"][0]["count"] == 3 and written["grid"]["dim"] == 3


def test_an_unknown_recipe_offers_the_nearest():
    with pytest.raises(XaigtError, match="unknown recipe 'strok': did you mean 'stroke'"):
        run("show", "strok", "--yaml")
