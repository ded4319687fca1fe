"""Fetching the files of a template: from a mirror folder, else from the pinned address. Whole, or not at all.

Files are kept in the cache under their checksum. A mirror is a folder that holds the same bytes under any name;
files are matched by size and checksum. A file is renamed to its final name only after its checksum was verified.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from xaigt import cache
from xaigt.anatomy.cards import TemplateCard
from xaigt.anatomy.sources import RECORD, RemoteFile, TemplateError, checksum

Progress = Callable[[int, int], None]


def fetch(
    card: TemplateCard, mirror: Path | None = None, progress: Progress | None = None, *, download: bool = True
) -> list[Path]:
    """Bring every file of a template to this machine; what is here already is verified and kept.

    Parameters
    ----------
    card
        The template.
    mirror
        Folder with the same bytes, looked through before anything is downloaded; else ``XAIGT_MIRROR``.
    progress
        Called with the bytes done and the bytes wanted of all files together.
    download
        Whether what neither the cache nor the mirror has may be downloaded; else it is left out of the result.

    Raises
    ------
    TemplateError
        If a file cannot be had, with the steps to do by hand; if its checksum is wrong, with both sums.
    """
    remote = [source for source in card.sources if isinstance(source, RemoteFile)]
    total = sum(source.bytes for source in remote)
    done, paths = 0, []
    for source in card.sources:
        if not isinstance(source, RemoteFile):
            paths.append(source.locate())
            continue
        folder = mirror or mirror_folder()
        path = fetched(source) or from_mirror(source, folder)
        if path is None and not download:
            continue
        if path is None:
            path = _download(source, remote[remote.index(source) :], done, total, progress)
        paths.append(source.verify(path))
        done += source.bytes
        if progress is not None:
            progress(done, total)
    return paths


def mirror_folder() -> Path | None:
    """Return the folder that ``XAIGT_MIRROR`` names, if it is set."""
    configured = os.environ.get("XAIGT_MIRROR")
    return Path(configured) if configured else None


def target(source: RemoteFile) -> Path:
    """Where a file is kept."""
    return cache.folder() / "templates" / source.pin[1][:16] / source.file


def fetched(source: RemoteFile) -> Path | None:
    """Return the path of a file that is here already."""
    path = target(source)
    return path if path.is_file() else None


def from_mirror(source: RemoteFile, folder: Path | None) -> Path | None:
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
    algorithm, wanted = source.pin
    impostor = None
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        stat = path.stat()
        if stat.st_size != source.bytes:
            impostor = path if path.name == source.file else impostor
            continue
        if checksum(path, stat.st_size, stat.st_mtime_ns, algorithm) == wanted:
            with cache.locked(target(source)), cache.whole(target(source)) as temporary:
                shutil.copyfile(path, temporary)
                _record(source, temporary)
            return target(source)
        impostor = path if path.name == source.file else impostor
    if impostor is not None:
        source.verify(impostor)
    return None


def by_hand(sources: Sequence[RemoteFile]) -> str:
    """Return the steps that do without us; those that are here already are left out."""
    files = "\n".join(
        f"  {source.url} ({source.bytes:,} bytes, {' '.join(source.pin)})" for source in sources if not fetched(source)
    )
    return (
        f"By hand: download\n{files}\nwith any program, put the files into a folder under any names, and run the same "
        "command with --mirror FOLDER (or set XAIGT_MIRROR)."
    )


def _download(
    source: RemoteFile, missing: Sequence[RemoteFile], done: int, total: int, progress: Progress | None
) -> Path:
    import pooch
    import requests

    path = target(source)
    with cache.locked(path):
        if path.is_file():  # another process was quicker
            return path
        with cache.whole(path) as temporary:
            try:
                bar = _Bar(done, total, progress) if progress is not None else False
                pooch.HTTPDownloader(progressbar=bar, timeout=30)(source.url, temporary, None)
            except (requests.RequestException, OSError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise TemplateError(f"{source.file}: cannot be downloaded ({reason}). {by_hand(missing)}") from None
            stat, (algorithm, wanted) = temporary.stat(), source.pin
            if (found := checksum(temporary, stat.st_size, stat.st_mtime_ns, algorithm)) != wanted:
                raise TemplateError(
                    f"{source.url}: its {algorithm} is {found}, but the template card says {wanted}: refused, "
                    f"nothing is kept. {by_hand(missing)}"
                )
            _record(source, temporary)
    return path


def _record(source: RemoteFile, temporary: Path) -> None:
    """Keep the sha256 of a file whose card names only an md5: a later one with the same md5 must be the same."""
    if source.sha256 is None:
        stat, path = temporary.stat(), target(source)
        record = path.with_name(path.name + RECORD)
        if not record.exists():
            record.write_text(checksum(temporary, stat.st_size, stat.st_mtime_ns) + "\n", encoding="utf-8")


class _Bar:
    """What pooch tells a progress bar, handed on as bytes of all files together."""

    def __init__(self, before: int, wanted: int, progress: Progress) -> None:
        self.total: int | float = 0
        self._before, self._wanted, self._progress, self._done = before, wanted, progress, 0

    def update(self, count: int) -> None:
        self._done += count
        self._progress(min(self._before + self._done, self._wanted), self._wanted)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to do."""
