"""Fetching the files of a template: from a mirror folder, else from the pinned address. Whole, or not at all.

What is kept, and what a mirror is: :mod:`xaigt.anatomy.files`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from xaigt import cache
from xaigt.anatomy.cards import TemplateCard
from xaigt.anatomy.files import TemplateError, checksum, fetched, from_mirror, mirror_folder, target, verified
from xaigt.anatomy.sources import RemoteFile

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
        paths.append(verified(path, source.sha256))
        done += source.bytes
        if progress is not None:
            progress(done, total)
    return paths


def by_hand(sources: Sequence[RemoteFile]) -> str:
    """Return the steps that do without us; those that are here already are left out."""
    files = "\n".join(
        f"  {source.url} ({source.bytes:,} bytes, sha256 {source.sha256})" for source in sources if not fetched(source)
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
            if (found := checksum(temporary)) != source.sha256:
                raise TemplateError(
                    f"{source.url}: its sha256 is {found}, but the template card says {source.sha256}: refused, "
                    f"nothing is kept. {by_hand(missing)}"
                )
    return path


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
