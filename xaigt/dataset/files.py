"""Files that appear whole or not at all, and messages for disks that do not cooperate."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xaigt.errors import XaigtError


class DatasetError(XaigtError):
    """A directory that is not, or no longer, the dataset it should be, or that cannot be written."""


def replace(path: Path, *content: bytes | memoryview) -> None:
    """Write a file, of one or more pieces, under a temporary name, force it to the disk, and rename it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Write JSON, in the order of the content; what JSON has no word for (NaN) is refused.

    With an indentation of None it is written in one line, ten times as fast.
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    replace(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    DatasetError
        If the file is missing, unreadable or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise DatasetError(f"{path}: damaged, not JSON ({error}).") from None


def sha256(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a message that says what is kept and what to do."""
    try:
        yield
    except OSError as error:
        kept = "Finished samples are kept: run the same command again to go on."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DatasetError(f"{folder}: the disk is full ({free_text(folder)}). Make room. {kept}") from None
        if error.errno == errno.EFBIG:
            raise DatasetError(f"{folder}: a file would be larger than is allowed here. {kept}") from None
        raise DatasetError(f"{folder}: cannot be written ({error.strerror or error}). {kept}") from None


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk of `folder` or of its nearest existing parent."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def free_text(folder: Path) -> str:
    """How much room is left, in words."""
    return f"{size_text(free_bytes(folder))} free"


def size_text(count: float) -> str:
    """Bytes in decimal units, as disks are sold: ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
