"""Writing a dataset: claimed by one writer, filled block by block, resumed after any death.

A block is a run of consecutive samples. Its arrays are written first; its marker, which carries the block's rows
of both tables, is written last and renamed into place, so a block is finished exactly if its marker is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from xaigt.dataset import chunks, layout
from xaigt.dataset.files import DatasetError, disk_errors, read_json, replace, sha256, write_json

Arrays = Mapping[str, npt.NDArray[Any]]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of each table, by its name in ``layout.TABLES``."""


class Store:
    """A dataset being written.

    Parameters
    ----------
    folder
        Where it lies.
    samples
        How many samples it will have.
    shape
        Shape of one sample: ``(y, x)`` or ``(z, y, x)``.
    arrays
        Names and types of the root arrays.
    """

    def __init__(
        self, folder: Path, samples: int, shape: tuple[int, ...], arrays: Mapping[str, str] = layout.ARRAYS
    ) -> None:
        self.folder, self.samples, self.shape, self.arrays = folder, samples, shape, dict(arrays)
        self.block_size = layout.block_size(len(shape))
        self._sharded = len(shape) == 2

    @property
    def blocks(self) -> range:
        """Numbers of all blocks."""
        return range(-(-self.samples // self.block_size))

    def members(self, block: int) -> range:
        """Samples of a block."""
        start = block * self.block_size
        return range(start, min(start + self.block_size, self.samples))

    def open(self, description: Mapping[str, Any]) -> None:
        """Start the dataset, or go on with it if it was started with the same description.

        Raises
        ------
        DatasetError
            If the directory holds something else, or a dataset that was made differently.
        """
        path = self.folder / layout.DESCRIPTION
        if path.exists():
            _compare(self.folder, read_json(path), description)
        else:
            foreign = [item.name for item in self.folder.iterdir() if item.name not in (layout.LOCK, layout.WRITER)]
            if foreign:
                raise DatasetError(
                    f"{self.folder}: is not empty and is not an xaigt dataset (it holds {foreign[0]!r}); "
                    "name another directory."
                )
            write_json(path, {**description, "complete": False})
        if self.complete():
            return
        (self.folder / layout.BLOCKS).mkdir(exist_ok=True)
        if not (self.folder / layout.DATA).exists():
            self._create_arrays()

    def complete(self) -> bool:
        """Whether nothing is left to do."""
        path = self.folder / layout.DESCRIPTION
        return path.exists() and bool(read_json(path).get("complete"))

    def unfinished(self) -> list[int]:
        """Blocks that have no marker yet."""
        return [block for block in self.blocks if not self._marker(block).exists()]

    def write(self, block: int, arrays: Arrays) -> None:
        """Write the arrays of a block, the sample axis first. May run in any process."""
        members = self.members(block)
        with disk_errors(self.folder):
            for name, array in arrays.items():
                place = self.folder / layout.DATA / name
                rest = [0] * len(self.shape)
                if self._sharded:
                    chunks.put(place, [block, *rest], chunks.shard(array, self.block_size))
                else:
                    for sample, values in zip(members, array, strict=True):
                        chunks.put(place, [sample, *rest], chunks.encode(values))

    def mark(self, block: int, rows: Rows) -> None:
        """Record that a block is finished, with its rows of every table of ``layout.TABLES``."""
        with disk_errors(self.folder):
            write_json(self._marker(block), {name: list(rows[name]) for name in layout.TABLES}, indent=None)

    def finish(self) -> None:
        """Write the tables, then say in dataset.json that the dataset is complete, then clear the markers."""
        import pandas

        rows: dict[str, list[dict[str, Any]]] = {table: [] for table in layout.TABLES}
        for block in self.blocks:
            marker = read_json(self._marker(block))
            for table, found in rows.items():
                found.extend(marker[table])
        with disk_errors(self.folder):
            checksums = {}
            for table, name in layout.TABLES.items():
                frame = pandas.DataFrame(rows[table], columns=None if rows[table] else ["sample"])
                replace(self.folder / name, frame.to_parquet(index=False))
                checksums[name] = sha256(self.folder / name)
            path = self.folder / layout.DESCRIPTION
            write_json(path, {**read_json(path), "complete": True, "sha256": checksums})
            shutil.rmtree(self.folder / layout.BLOCKS, ignore_errors=True)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only writer of the directory (which is created if need be).

        Raises
        ------
        DatasetError
            If another process is writing it (its host and process number are named), or it cannot be written.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise DatasetError(f"{self.folder}: is a file, not a directory; name another one.")
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / layout.LOCK, timeout=0)
        with disk_errors(self.folder):
            try:
                lock.acquire()
            except Timeout:
                who = _writer(self.folder)
                raise DatasetError(f"{self.folder}: {who} is writing it; wait or name another.") from None
        try:
            write_json(self.folder / layout.WRITER, {"host": socket.gethostname(), "pid": os.getpid()})
            yield
        finally:
            (self.folder / layout.WRITER).unlink(missing_ok=True)
            lock.release()

    def _marker(self, block: int) -> Path:
        return self.folder / layout.BLOCKS / f"{block:06d}.json"

    def _create_arrays(self) -> None:
        import zarr
        from zarr.codecs import BloscCodec

        temporary = self.folder / f".{layout.DATA}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        group = zarr.create_group(temporary)
        for name, dtype in self.arrays.items():
            group.create_array(
                name,
                shape=(self.samples, *self.shape),
                dtype=dtype,
                chunks=(1, *self.shape),
                shards=(self.block_size, *self.shape) if self._sharded else None,
                compressors=BloscCodec(cname=chunks.CODEC, clevel=chunks.LEVEL, shuffle=chunks.shuffle_of(dtype)),
                dimension_names=["sample", *(["y", "x"] if self._sharded else ["z", "y", "x"])],
                fill_value=0,
            )
        temporary.rename(self.folder / layout.DATA)


def checksum(array: npt.NDArray[Any]) -> str:
    """Return the sha256 of an array's shape, type and values."""
    digest = hashlib.sha256(f"{array.shape}{array.dtype.str}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _compare(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a dataset that was started differently, and say what differs."""
    if found.get("format_version") != wanted["format_version"]:
        raise DatasetError(
            f"{folder}: was written in format version {found.get('format_version')}, this xaigt writes "
            f"{wanted['format_version']}; name another directory."
        )
    wanted = json.loads(json.dumps(wanted))
    differences = list(_differences(found, wanted, ""))
    if differences:
        raise DatasetError(
            f"{folder}: holds a dataset that was made differently ({'; '.join(differences[:4])}); "
            "name another directory, or repeat the command that started it."
        )


def _differences(found: Any, wanted: Any, key: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name, value in wanted.items():
            yield from _differences(found.get(name), value, f"{key}.{name}" if key else name)
    elif found != wanted:
        yield f"{key} is {found!r} there and {wanted!r} here"


def _writer(folder: Path) -> str:
    try:
        writer = read_json(folder / layout.WRITER)
        return f"another process (number {writer['pid']} on {writer['host']})"
    except (DatasetError, KeyError, TypeError):
        return "another process"
