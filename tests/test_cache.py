import numpy as np
import pytest

from xaigt import cache
from xaigt.anatomy import fields


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a.npy"
    with pytest.raises(RuntimeError), cache.whole(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with cache.whole(target) as temporary:
        temporary.write_text("all")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_size_and_clear(tmp_path, monkeypatch):
    monkeypatch.setenv("XAIGT_CACHE", str(tmp_path / "cache"))
    assert cache.size() == 0
    (tmp_path / "cache" / "deep").mkdir(parents=True)
    (tmp_path / "cache" / "deep" / "file").write_bytes(b"12345")
    assert cache.size() == 5
    assert cache.clear() == 5
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(tmp_path, monkeypatch):
    """A file where the folder should be fails for every user, also for root."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    computed = fields.FieldArrays(
        np.ones((len(fields.CHANNELS), 9, 9, 9), np.float32),
        fields.Lattice((9, 9, 9), (0.0, 0.0, 0.0)),
        np.zeros((3, 9, 9, 9), np.float32),
        (0.0, 0.0, 0.0),
    )
    monkeypatch.setenv("XAIGT_CACHE", str(blocked))
    monkeypatch.setattr(fields, "_build", lambda card: computed)
    fields._load.cache_clear()
    try:
        assert fields.load_fields("mni152-ct").data.shape == (len(fields.CHANNELS), 9, 9, 9)
        assert fields.load_fields("mni152-ct", (3.0, 1.0, 1.0)).data.shape == (len(fields.CHANNELS), 9, 9, 9)
    finally:
        fields._load.cache_clear()
