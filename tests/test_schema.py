"""Errors of files name the file, the line, the field, what is wrong and what is allowed."""

import pytest

from xaigt.catalog import UnknownNameError
from xaigt.schema import SchemaError
from xaigt.synthesis.loading import load_recipe

GOOD = """\
name: mine
description: a recipe of mine
modality: CT
templates: [mni152-ct]
lesions:
  - family: intraparenchymal
    parameters:
      volume_ml: 5
acquisition:
  noise_hu: 3
"""


def refusal(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError) as caught:
        load_recipe(str(path))
    return str(caught.value)


def test_the_unbroken_recipe_is_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    recipe = load_recipe(str(path))
    assert recipe.acquisition.noise_hu == 3
    assert recipe.written_out()["lesions"][0]["parameters"]["volume_ml"] == 5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("noise_hu: 3", "nois_hu: 3", ["line 10", "acquisition.nois_hu", "unknown key", "did you mean 'noise_hu'"]),
        ("noise_hu: 3", "noise_hu: loud", ["line 10", "acquisition.noise_hu", "loud"]),
        ("noise_hu: 3", "noise_hu: {unifrom: [1, 2]}", ["line 10", "acquisition.noise_hu", "{uniform: [low, high]}"]),
        ("noise_hu: 3", "noise_hu: {uniform: [5, 2]}", ["line 10", "acquisition.noise_hu", "must not exceed"]),
        ("volume_ml: 5", "volume: 5", ["line 8", "lesions.0.parameters.volume", "did you mean 'volume_ml'"]),
        ("family: intraparenchymal", "family: intraparenchmal", ["line 6", "lesions.0.family", "'intraparenchymal'"]),
        ("[mni152-ct]", "[mni152-tc]", ["line 4", "templates", "did you mean 'mni152-"]),
        ("modality: CT\n", "", ["field modality", "missing"]),
        ("modality: CT", "modality: XR", ["line 3", "field modality", "'CT'"]),
        ("modality: CT", "modality: CT\nmodality: CT", ["line 4", "given twice", "line 3"]),
        ("name: mine", "name: [mine", ["not valid YAML", "line 2"]),
        ("name: mine", "name: Mein Rezept", ["line 1", "field name"]),
        ("    parameters:\n", "    role: distractor\n    parameters:\n", ["field lesions", "role lesion"]),
        ("modality: CT", "modality: CT\nchoose: 2", ["choose asks for 2 groups, but 1"]),
    ],
)
def test_a_mistake_is_located(tmp_path, old, new, expected):
    assert old in GOOD
    message = refusal(tmp_path, GOOD.replace(old, new, 1))
    for part in ("mine.yaml", *expected):
        assert part in message


@pytest.mark.parametrize(("content", "expected"), [(b"\xff\xfe\x00", "not UTF-8"), (b"- a\n- b\n", "mapping")])
def test_files_that_are_no_recipe(tmp_path, content, expected):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match=expected):
        load_recipe(str(path))


def test_a_missing_file_and_an_unknown_name(tmp_path):
    with pytest.raises(SchemaError, match="cannot be read"):
        load_recipe(str(tmp_path / "none.yaml"))
    with pytest.raises(UnknownNameError, match="did you mean 'hemorrhage'"):
        load_recipe("hemorrage")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("acquisition.nois_hu=3", "unknown key 'nois_hu' in acquisition: did you mean 'noise_hu'"),
        ("aquisition.noise_hu=3", "unknown key 'aquisition': did you mean 'acquisition'"),
        ("lesions.99.count=2", "unknown key '99' in lesions"),
        ("acquisition.noise_hu", "must be key=value"),
        ("acquisition.noise_hu=[", "not valid YAML"),
        ("acquisition.noise_hu=loud", "field acquisition.noise_hu"),
        ("lesions.0.parameters.volume_ml={uniform: [3, 1]}", "must not exceed"),
    ],
)
def test_settings_are_checked(setting, expected):
    with pytest.raises(SchemaError) as caught:
        load_recipe("hemorrhage", [setting])
    assert expected in str(caught.value)


def test_settings_change_what_they_name_and_nothing_else():
    plain = load_recipe("hemorrhage").written_out()
    changed = load_recipe("hemorrhage", ["lesions.3.parameters.sites.choice={pons: 1}", "epsilon=2"]).written_out()
    assert changed["lesions"][3]["parameters"]["sites"] == {"choice": {"pons": 1.0}}
    assert changed["epsilon"] == 2
    changed["lesions"][3]["parameters"]["sites"] = plain["lesions"][3]["parameters"]["sites"]
    changed["epsilon"] = plain["epsilon"]
    assert changed == plain


def test_written_out_recipes_read_back_the_same():
    recipe = load_recipe("hemorrhage")
    assert type(recipe).model_validate(recipe.written_out()).written_out() == recipe.written_out()
