from pathlib import Path

import pytest

from xaigt import catalog


def test_the_checkout_or_the_wheel_carries_the_recipe_and_the_template():
    assert "hemorrhage" in catalog.names("generators")
    assert "mni152-ct" in catalog.names("templates")


def test_a_users_folder_wins(tmp_path, monkeypatch):
    (tmp_path / "generators").mkdir()
    mine = tmp_path / "generators" / "hemorrhage.yaml"
    mine.write_text("name: hemorrhage\n")
    (tmp_path / "generators" / "own.yaml").write_text("name: own\n")
    monkeypatch.setenv("XAIGT_CATALOG", str(tmp_path))
    assert catalog.find("generators", "hemorrhage") == mine
    assert "own" in catalog.names("generators")


def test_a_folder_above_the_package_counts_only_if_its_project_is_xaigt(tmp_path):
    assert not catalog._is_checkout(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    catalog._is_checkout.cache_clear()
    assert not catalog._is_checkout(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "xaigt"\n')
    catalog._is_checkout.cache_clear()
    assert catalog._is_checkout(tmp_path)


@pytest.mark.parametrize(
    ("kind", "name", "near"), [("generators", "hemorage", "hemorrhage"), ("templates", "mni152ct", "mni152-ct")]
)
def test_an_unknown_name_offers_the_nearest(kind, name, near):
    with pytest.raises(catalog.UnknownNameError, match=f"did you mean '{near}'"):
        catalog.find(kind, name)


def test_catalogue_files_are_called_what_they_are_named():
    import yaml

    for kind in ("generators", "templates"):
        for name in catalog.names(kind):
            assert yaml.safe_load(Path(catalog.find(kind, name)).read_text(encoding="utf-8"))["name"] == name
