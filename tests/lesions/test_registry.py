from importlib.metadata import EntryPoint

import pytest

from xaigt.errors import XaigtError
from xaigt.lesions import family, family_names, registry
from xaigt.lesions.families import intraparenchymal


def test_built_in_families_are_found_by_their_name():
    assert "intraparenchymal" in family_names()
    for name in family_names():
        assert family(name).name == name


def test_an_unknown_family_offers_the_nearest():
    with pytest.raises(XaigtError, match="did you mean 'intraparenchymal'"):
        family("intraparenchimal")


@pytest.fixture
def third_party(monkeypatch):
    def install(value):
        point = EntryPoint("mine", value, "xaigt.lesions")
        monkeypatch.setattr(registry, "entry_points", lambda group, name="mine": [point] if name == "mine" else [])
        family.cache_clear()

    yield install
    family.cache_clear()


def test_a_third_party_family_comes_from_its_entry_point(third_party):
    third_party("xaigt.lesions.families.intraparenchymal:FAMILY")
    assert family("mine") is intraparenchymal.FAMILY


def test_an_entry_point_that_is_no_family_is_named(third_party):
    third_party("math:pi")
    with pytest.raises(XaigtError, match=r"'mine'.*not an instance"):
        family("mine")
