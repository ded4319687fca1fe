"""The folder of computed and downloaded files: where it is, how it is written, how it is cleared.

Nothing in it is precious: every file can be made again. It lies in ``$XAIGT_CACHE``, else in the platform's
cache folder (XDG on Linux). Files appear under their final name only when they are whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock


def folder() -> Path:
    """Root of the cache; it need not exist."""
    if configured := os.environ.get("XAIGT_CACHE"):
        return Path(configured).absolute()
    return Path(platformdirs.user_cache_dir("xaigt", appauthor=False))


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of one cache entry, so that two processes do not compute it twice."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        yield


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it is renamed to `target`, else removed."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def size() -> int:
    """Bytes in the cache."""
    total = 0
    for path in folder().rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # another process cleared it meanwhile
            continue
    return total


def clear() -> int:
    """Remove everything in the cache; the number of bytes that were freed."""
    freed = size()
    shutil.rmtree(folder(), ignore_errors=True)
    return freed
