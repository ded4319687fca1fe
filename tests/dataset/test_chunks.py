"""What is written chunk by chunk must be what Zarr reads."""

import numpy as np
import pytest
import zarr

from xaigt.dataset import chunks, layout
from xaigt.dataset.store import Store


def test_checksum_of_the_standard():
    assert chunks.crc32c(b"123456789") == 0xE3069283
    assert chunks.crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, appendix B.4


@pytest.mark.parametrize("shape", [(6, 5), (3, 6, 5)], ids=["2-D", "3-D"])
def test_zarr_reads_what_was_written(tmp_path, shape):
    rng = np.random.default_rng(0)
    samples = layout.block_size(len(shape)) + 3  # one whole block and part of another
    store = Store(tmp_path, samples, shape, {"image": "int16", "lesion": "uint8", "other": "uint8"})
    store.open({"format_version": 0})
    wanted = {
        "image": rng.integers(-1024, 3072, (samples, *shape)).astype(np.int16),
        "lesion": rng.integers(0, 3, (samples, *shape)).astype(np.uint8),
        "other": np.zeros((samples, *shape), np.uint8),
    }
    wanted["lesion"][::2] = 0  # chunks without a lesion are not stored
    for block in store.blocks:
        members = store.members(block)
        store.write(block, {name: array[members.start : members.stop] for name, array in wanted.items()})
    group = zarr.open_group(tmp_path / layout.DATA, mode="r")
    for name, array in wanted.items():
        found = group[name]
        assert found.dtype == array.dtype
        assert np.array_equal(found[:], array)
        assert np.array_equal(found[samples - 1], array[-1])
    assert not list((tmp_path / layout.DATA / "other").rglob("c/**/0"))


def test_writing_a_block_again_replaces_it(tmp_path):
    store = Store(tmp_path, 2, (4, 4), {"lesion": "uint8"})
    store.open({"format_version": 0})
    for values in (np.ones((2, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8)):
        store.write(0, {"lesion": values})
        assert np.array_equal(zarr.open_group(tmp_path / layout.DATA, mode="r")["lesion"][:], values)


def test_a_damaged_shard_is_noticed(tmp_path):
    store = Store(tmp_path, 2, (4, 4), {"lesion": "uint8"})
    store.open({"format_version": 0})
    store.write(0, {"lesion": np.ones((2, 4, 4), np.uint8)})
    (shard,) = (path for path in (tmp_path / layout.DATA / "lesion" / "c").rglob("*") if path.is_file())
    content = bytearray(shard.read_bytes())
    content[-8] ^= 1  # in the index
    shard.write_bytes(content)
    with pytest.raises(ValueError):
        zarr.open_group(tmp_path / layout.DATA, mode="r")["lesion"][:]
