"""Files that a checksum pins: where they are kept on this machine, and a mirror that they are taken from.

Files are kept in the cache under their checksum. A mirror is a folder that holds the same bytes under any name;
files are matched by size and checksum. A file is renamed to its final name only after its checksum was verified.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from xaigt import cache
from xaigt.errors import XaigtError


class TemplateError(XaigtError):
    """A template whose data are missing or are not what its card says."""


class Pinned(Protocol):
    """What is known of a file before it is here."""

    @property
    def file(self) -> str:
        """Name it is kept under."""

    @property
    def bytes(self) -> int:
        """Its size."""

    @property
    def sha256(self) -> str:
        """Its checksum, in hexadecimal."""


def mirror_folder() -> Path | None:
    """Return the folder that ``XAIGT_MIRROR`` names, if it is set."""
    configured = os.environ.get("XAIGT_MIRROR")
    return Path(configured) if configured else None


def target(source: Pinned) -> Path:
    """Where a file is kept."""
    return cache.folder() / "templates" / source.sha256[:16] / source.file


def fetched(source: Pinned) -> Path | None:
    """Return the path of a file that is here already."""
    path = target(source)
    return path if path.is_file() else None


def from_mirror(source: Pinned, folder: Path | None) -> Path | None:
    """Copy a file from a mirror, if the mirror has it.

    Raises
    ------
    TemplateError
        If the folder does not exist, or has a file of that name whose bytes are others (with both sums).
    """
    if folder is None:
        return None
    if not folder.is_dir():
        raise TemplateError(f"the mirror {folder} is not a folder; name one that holds the files of the template.")
    impostor = None
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.stat().st_size == source.bytes and checksum(path) == source.sha256:
            with cache.locked(target(source)), cache.whole(target(source)) as temporary:
                shutil.copyfile(path, temporary)
            return target(source)
        impostor = path if path.name == source.file else impostor
    if impostor is not None:
        verified(impostor, source.sha256)
    return None


def verified(path: Path, expected: str) -> Path:
    """Return `path` if the file has that sha256.

    Raises
    ------
    TemplateError
        With both sums, if it has not.
    """
    if (found := checksum(path)) != expected:
        raise TemplateError(f"{path}: its sha256 is {found}, but the template card says {expected}.")
    return path


def checksum(path: Path) -> str:
    """Return the sha256 of a file; computed again when its size or time of change differs."""
    stat = path.stat()
    return _checksum(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _checksum(path: Path, _size: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
