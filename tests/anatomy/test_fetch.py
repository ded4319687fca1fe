"""Fetching: a mirror matched by checksum, a wrong file refused, nothing half-written."""

import hashlib

import pytest

from xaigt import catalog
from xaigt.anatomy.cards import RemoteFile, TemplateCard, TemplateError, load_card
from xaigt.anatomy.fetch import fetch
from xaigt.anatomy.files import target
from xaigt.schema import SchemaError, validate

CONTENT = b"the bytes of a template" * 100


def source(content=CONTENT, url="https://example.invalid/x/head.nii.gz"):
    digest = hashlib.sha256(content).hexdigest()
    return RemoteFile(url=url, file="head.nii.gz", bytes=len(content), sha256=digest, role="image")


def card(*sources):
    return load_card("scct").model_copy(update={"sources": list(sources)})


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAIGT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("XAIGT_MIRROR", raising=False)


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror" / "deep"
    folder.mkdir(parents=True)
    (folder / "any-name.bin").write_bytes(CONTENT)
    return folder.parent


def test_a_mirror_is_matched_by_checksum_whatever_the_name(mirror):
    seen = []
    paths = fetch(card(source()), mirror, lambda done, wanted: seen.append((done, wanted)))
    assert paths[0].read_bytes() == CONTENT and paths[0] == target(source())
    assert seen == [(len(CONTENT), len(CONTENT))]


def test_the_mirror_may_come_from_the_environment(mirror, monkeypatch):
    monkeypatch.setenv("XAIGT_MIRROR", str(mirror))
    assert source().locate().read_bytes() == CONTENT


def test_a_wrong_file_of_that_name_is_refused_with_both_sums(tmp_path):
    wrong = bytes(reversed(CONTENT))
    (tmp_path / "head.nii.gz").write_bytes(wrong)
    with pytest.raises(TemplateError) as caught:
        fetch(card(source()), tmp_path)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value) and source().sha256 in str(caught.value)
    assert not target(source()).exists()


class Downloader:
    """Stands in for the network."""

    content = CONTENT

    def __init__(self, progressbar, **options):
        self.bar = progressbar

    def __call__(self, url, path, pooch):
        path.write_bytes(self.content)
        if self.bar:
            self.bar.update(len(self.content))


def test_a_download_is_kept_only_with_the_right_checksum(monkeypatch):
    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    monkeypatch.setattr(Downloader, "content", CONTENT[:-1] + b"!")
    with pytest.raises(TemplateError, match="By hand: download") as caught:
        fetch(card(source()))
    assert source().sha256 in str(caught.value)
    assert hashlib.sha256(Downloader.content).hexdigest() in str(caught.value)
    assert [path.suffix for path in target(source()).parent.iterdir()] == [".lock"]
    monkeypatch.setattr(Downloader, "content", CONTENT)
    assert fetch(card(source()))[0].read_bytes() == CONTENT


def test_a_failed_download_says_what_to_do_by_hand(monkeypatch):
    import requests

    def fail(self, url, path, pooch):
        path.write_bytes(b"half")
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    monkeypatch.setattr(Downloader, "__call__", fail)
    with pytest.raises(TemplateError) as caught:
        fetch(card(source()))
    for word in ("no route to host", source().url, source().sha256, "--mirror", f"{len(CONTENT):,} bytes"):
        assert word in str(caught.value)
    assert [path.suffix for path in target(source()).parent.iterdir()] == [".lock"]


def test_the_steps_by_hand_name_every_file_that_is_missing(monkeypatch, mirror):
    import requests

    def fail(self, url, path, pooch):
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    monkeypatch.setattr(Downloader, "__call__", fail)
    others = [
        source(content, f"https://example.invalid/{role}").model_copy(update={"role": role})
        for role, content in (("grey", b"grey"), ("white", b"white"))
    ]
    with pytest.raises(TemplateError) as caught:
        fetch(card(source(), *others), mirror)
    assert all(other.url in str(caught.value) for other in others) and source().url not in str(caught.value)
    assert fetch(card(source(), *others), mirror, download=False) == [target(source())]


def test_what_is_not_fetched_says_how():
    with pytest.raises(TemplateError, match="xaigt templates fetch scct"):
        load_card("scct").file("image")


@pytest.mark.parametrize("name", catalog.names("templates"))
def test_every_card_of_the_catalogue_is_valid_and_says_its_terms(name):
    found = load_card(name)
    assert found.licence and found.citation and found.description
    assert found.units == ("HU" if found.modality == "CT" else "white matter = 1000")


def test_a_remote_file_without_any_checksum_is_refused():
    data = load_card("scct").model_dump(mode="json")
    del data["sources"][0]["sha256"]
    with pytest.raises(SchemaError, match="sha256"):
        validate(TemplateCard, data, what="card")


EMBEDDED_OR_ELSEWHERE = ("mni152-", "mni152nlin2009c-")  # the latter only at TemplateFlow


@pytest.mark.parametrize("name", [n for n in catalog.names("templates") if not n.startswith(EMBEDDED_OR_ELSEWHERE)])
def test_every_downloadable_template_is_in_the_folder_of_real_volumes(name, shared_data):
    for path in fetch(load_card(name), shared_data / "templates"):
        assert path.is_file()


def test_a_card_that_names_a_role_twice_or_a_bad_sum_is_refused():
    data = load_card("scct").model_dump(mode="json")
    twice = {**data, "sources": [data["sources"][0]] * 2}
    with pytest.raises(SchemaError, match="the role image is given twice"):
        validate(TemplateCard, twice, what="card")
    data["sources"][0]["sha256"] = "abc"
    with pytest.raises(SchemaError, match=r"sources\.0\.sha256"):
        validate(TemplateCard, data, what="card")
