"""Splits that are disjoint by template or by person, and recipes in a user's own scans."""

from collections import Counter

import pytest

from xaigt.anatomy import adding
from xaigt.errors import XaigtError
from xaigt.synthesis import splits
from xaigt.synthesis.loading import load_recipe

SHARES = {"train": 0.5, "val": 0.25, "test": 0.25}


def recipe(disjoint, names):
    return load_recipe("hemorrhage").model_copy(update={"disjoint": disjoint, "templates": names})


@pytest.fixture
def persons(monkeypatch):
    """Eight templates of four persons: a-1 and a-2 are of a, and so on."""

    class Card:
        def __init__(self, name):
            self.person = name[0]

    monkeypatch.setattr(splits, "load_card", Card)
    return [f"{person}-{number}" for person in "abcd" for number in (1, 2)]


def table(chosen, count=200):
    rows = []
    for sample in range(count):
        template = splits.template_of(chosen, 3, sample)
        rows.append((template, splits.split_of_sample(chosen, 3, sample, template, SHARES), sample))
    return rows


@pytest.mark.parametrize(("disjoint", "key"), [("template", slice(None)), ("subject", slice(0, 1))])
def test_no_template_or_person_is_in_two_splits(persons, disjoint, key):
    rows = table(recipe(disjoint, persons))
    owner = {}
    for template, split, _ in rows:
        assert owner.setdefault(template[key], split) == split
    assert set(owner.values()) == set(SHARES)
    expected = {"train": 0.5, "val": 0.25, "test": 0.25}
    assert {name: n / len(owner) for name, n in Counter(owner.values()).items()} == expected


def test_both_classes_of_a_block_share_template_and_split(persons):
    rows = table(recipe("template", persons))
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert first[:2] == second[:2]


def test_a_sample_does_not_depend_on_how_many_there_are(persons):
    assert table(recipe("subject", persons), 40) == table(recipe("subject", persons), 200)[:40]


def test_too_few_templates_are_refused(persons):
    with pytest.raises(XaigtError, match=r"there are 3 splits .* but only 2"):
        splits.groups(recipe("subject", persons[:4]), 0, SHARES)


def test_a_recipe_and_its_templates_are_of_one_modality():
    with pytest.raises(XaigtError, match="mni152-t1 is T1w, but the recipe makes CT"):
        load_recipe("hemorrhage", changes={"templates": ["mni152-t1"]})


def test_scans_of_a_bids_folder(tmp_path):
    for name in (
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_ct.nii.gz",
        "sub-01/func/sub-01_bold.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_ct.nii.gz",
        "derivatives/masks/sub-01/anat/sub-01_desc-brain_mask.nii.gz",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = adding.find_scans(tmp_path)
    assert [(scan.path.name, scan.modality, scan.person, sorted(scan.maps)) for scan in found] == [
        ("sub-01_T1w.nii.gz", "T1w", "sub-01", ["brain"]),
        ("sub-01_ct.nii.gz", "CT", "sub-01", ["brain"]),
        ("sub-02_ses-a_ct.nii.gz", "CT", "sub-02", []),
    ]
    assert len(adding.find_scans(tmp_path, "CT")) == 2
    with pytest.raises(XaigtError, match="holds no volume of FLAIR"):
        adding.find_scans(tmp_path, "FLAIR")


@pytest.mark.slow
def test_lesions_in_a_users_own_scan_leave_the_rest_as_it_was(shared_data, tmp_path, monkeypatch):
    """A head CT in HU, in another orientation: the twin is the scan itself, and there is no noise."""
    import nibabel
    import numpy as np

    import xaigt
    from tests.conftest import SMALL
    from xaigt.anatomy.fields import load_fields
    from xaigt.anatomy.intake import cormack_to_hu
    from xaigt.synthesis.implant import SPLITS, into_scans

    image = nibabel.load(shared_data / "templates" / "clinical__scct.nii")
    hu = np.round(cormack_to_hu(np.asarray(image.dataobj, np.float32))).astype(np.int16)
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(hu, image.affine))
    (tmp_path / "scans").mkdir()
    nibabel.save(turned, tmp_path / "scans" / "sub-07_ct.nii.gz")
    (tmp_path / "scans" / "sub-08_ct.nii.gz").write_bytes(b"no nifti")
    monkeypatch.setenv("XAIGT_CATALOG", str(tmp_path / "catalog"))
    told = []
    chosen = into_scans(
        load_recipe("hemorrhage", changes=SMALL), tmp_path / "scans", lambda path, why: told.append((path.name, why))
    )
    assert told[0] == ("sub-07_ct.nii.gz", None) and "not a NIfTI" in told[1][1]
    xaigt.generate(chosen, tmp_path / "data", samples=4, splits=SPLITS)
    data = xaigt.load(tmp_path / "data")
    assert len(load_fields(chosen.templates[0]).to_file) == 4
    (template,) = data.description["templates"]
    assert template["person"] == "sub-07" and not template["redistribution"] and len(template["to_file_mm"]) == 4
    assert set(data.samples["split"]) == {"test"}
    positive = data[int(np.flatnonzero(data.samples["label"])[0])]
    assert (positive.image != positive.twin).any()
    assert np.array_equal(positive.image != positive.twin, positive.altered > 0)
