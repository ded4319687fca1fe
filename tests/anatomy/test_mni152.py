"""The embedded template: facts that a head CT must satisfy, in mm, mL and HU."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from xaigt.anatomy.cards import PackagedFile, TemplateCard, TemplateError, load_card
from xaigt.anatomy.fields import CHANNELS, load_fields


@pytest.fixture(scope="module")
def fields():
    return load_fields("mni152-ct")


@pytest.fixture(scope="module")
def channel(fields):
    return dict(zip(CHANNELS, fields.data, strict=True))


def at(fields, values, x, y, z):
    """Value at RAS mm."""
    index = [round((p - o) / fields.lattice.spacing) for p, o in zip((z, y, x), fields.lattice.origin, strict=True)]
    return float(values[tuple(index)])


def hu(channel):
    return 38 * channel["grey"] + 29 * channel["white"] + 8 * channel["csf"] + channel["bone"] + channel["soft"]


def test_the_card_says_what_it_is():
    card = load_card("mni152-ct")
    assert "one average brain" in card.description and "not a CT acquisition" in " ".join(card.description.split())
    assert card.kind == "rendering" and not card.individual
    assert card.licence and card.citation


def test_nilearn_is_not_imported_to_find_its_files():
    code = (
        "import sys; from xaigt.anatomy.cards import load_card; load_card('mni152-ct').file('grey');"
        "sys.exit('nilearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_is_not_the_cards_is_refused_with_both_sums():
    card = load_card("mni152-ct")
    source = card.sources[0].model_copy(update={"sha256": "0" * 64})
    actual = hashlib.sha256(card.file(card.sources[0].role).read_bytes()).hexdigest()
    with pytest.raises(TemplateError) as caught:
        source.locate()
    assert actual in str(caught.value) and "0" * 64 in str(caught.value)


@pytest.mark.parametrize(
    ("package", "path", "message"), [("no_such_package", "a", "not installed"), ("nilearn", "none.nii", "missing")]
)
def test_missing_sources(package, path, message):
    with pytest.raises(TemplateError, match=message):
        PackagedFile(package=package, path=path, sha256="0" * 64, role="t1").locate()


def test_a_role_that_the_card_does_not_list():
    with pytest.raises(TemplateError, match="no source with the role 'brain'"):
        TemplateCard.file(load_card("mni152-ct"), "brain")


def test_tissue_fractions_sum_to_at_most_one_and_fill_the_skull(channel):
    total = channel["grey"] + channel["white"] + channel["csf"]
    assert total.min() >= 0 and total.max() <= 1 + 1e-5
    deep = channel["depth"] > 3
    sheets = 1 - total[deep]
    assert np.mean(sheets > 0.5) < 0.02  # falx, tentorium, sinus: a small share of the inside of the skull


@pytest.mark.parametrize(
    ("place", "x", "y", "z", "low", "high"),
    [
        ("centrum semiovale", 25, -20, 35, 27, 33),
        ("thalamus", 12, -18, 8, 30, 39),
        ("lateral ventricle", 10, 5, 20, 5, 16),
        ("pons", 0, -27, -33, 27, 36),
        ("falx", 0, -60, 45, 40, 52),
        ("air", 88, 85, 60, -1000, -990),
        ("frontal sinus", 9, 79, -4, -1000, -500),
    ],
)
def test_hounsfield_units_of_known_places(fields, channel, place, x, y, z, low, high):
    assert low <= at(fields, hu(channel), x, y, z) <= high, place


def test_volumes_of_an_adult_head(channel):
    def millilitres(mask):
        return float(np.count_nonzero(mask)) / 1000

    assert 1500 < millilitres(channel["depth"] > 0) < 2300  # MNI152 is larger than most heads
    assert 1100 < millilitres(channel["parenchyma"] > 0) < 2000
    assert 10 < millilitres(channel["ventricles"] > 0) < 45


def test_ventricles_parenchyma_and_skull_do_not_overlap(channel):
    ventricles, parenchyma = channel["ventricles"] > 0, channel["parenchyma"] > 1
    assert not (ventricles & parenchyma).any()
    assert (channel["depth"][ventricles] > 5).all()
    assert (channel["bone"][channel["depth"] > 2] == 0).all()


def test_the_skull_has_two_tables_and_a_diploe(fields, channel):
    """Walking outwards through the parietal bone."""
    xs = np.arange(55, 92)
    bone = np.array([at(fields, channel["bone"], x, -30, 40) for x in xs])
    hard = bone[bone > 400]
    assert 3 <= len(hard) <= 12  # mm
    assert hard.max() > 850 and hard[len(hard) // 2] < hard.max()


def test_the_embedded_head_is_symmetric_where_the_maps_are(channel):
    depth = channel["depth"]
    assert np.abs(depth - depth[:, :, ::-1]).max() < 2.0


def test_thick_voxels_average_the_fields(fields):
    thick = load_fields("mni152-ct", (5.0, 3.5, 3.5))
    grey = CHANNELS.index("grey")
    column = fields.data[grey, 60:65, 100 - 2 : 100 + 3, 90 - 2 : 90 + 3].astype(float)
    weights = np.array([0.25, 1, 1, 1, 0.25]) / 3.5
    expected = np.einsum("zyx,y,x->", column, weights, weights) / 5
    assert thick.data[grey, 62, 100, 90] == pytest.approx(expected, abs=1e-5)


def test_fields_are_read_from_the_cache_the_second_time(monkeypatch):
    from xaigt.anatomy import fields as module

    load_fields("mni152-ct")
    module._load.cache_clear()
    monkeypatch.setattr(module, "_build", lambda card: pytest.fail("computed again"))
    assert not load_fields("mni152-ct").data.flags.writeable
