"""Encoding samples as chunks and shards of Zarr v3, many at a time.

Zarr itself creates the arrays and reads them. Writing a shard through it costs several times what compressing its
chunks does, most of it in handling each chunk; a block is always a whole shard, so here it is put together at once, as
the specification of the codec ``sharding_indexed`` says: the chunks one after the other, then their offsets and
lengths, then a checksum of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

CODEC: Literal["lz4"] = "lz4"  # noise is what there is to store: zstd takes 4 times as long and gains 10 to 20 %
LEVEL = 1  # higher ones take longer and gain 2 %
_EMPTY = 2**64 - 1  # offset and length of a chunk that holds nothing but zeros
_CASTAGNOLI = 0x82F63B78  # polynomial of CRC-32C, its bits reversed


def shuffle_of(dtype: npt.DTypeLike) -> Literal["noshuffle", "bitshuffle"]:
    """Name of the shuffle used for a type: the bits of a rank lie together, of which noise fills the lower only."""
    return "noshuffle" if np.dtype(dtype).itemsize == 1 else "bitshuffle"


def encode(sample: npt.NDArray[Any]) -> bytes | None:
    """Compress one sample; None if it is all zero, which is not stored."""
    from numcodecs import Blosc

    if not sample.any():
        return None
    shuffle = {"noshuffle": Blosc.NOSHUFFLE, "bitshuffle": Blosc.BITSHUFFLE}[shuffle_of(sample.dtype)]
    little = sample.astype(sample.dtype.newbyteorder("<"), order="C", copy=False)
    return bytes(Blosc(CODEC, clevel=LEVEL, shuffle=shuffle).encode(little))


def shard(samples: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], size: int) -> bytes | None:
    """Put samples together as one shard of `size` chunks; None if all are zero."""
    index = np.full((size, 2), _EMPTY, "<u8")
    parts, offset = [], 0
    for number, sample in enumerate(samples):
        chunk = encode(sample)
        if chunk is not None:
            index[number] = offset, len(chunk)
            parts.append(chunk)
            offset += len(chunk)
    if not parts:
        return None
    table = index.tobytes()
    return b"".join([*parts, table, crc32c(table).to_bytes(4, "little")])


def put(folder: Path, place: Sequence[int], content: bytes | None) -> None:
    """Write a chunk or a shard of the array in `folder` at its place in the grid, or see to it that there is none."""
    path = folder.joinpath("c", *map(str, place))
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli; RFC 3720, appendix B.4) of a few bytes."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_CASTAGNOLI if value & 1 else 0)
    return value


_TABLE = [_entry(byte) for byte in range(256)]
