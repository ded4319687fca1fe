"""Where the data of a template lie: inside an installed package, at a pinned address, or on the user's disk.

Whatever the place, a file is used only if its checksum is the one that the card names.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from xaigt.errors import XaigtError
from xaigt.schema import Strict

Role = Literal["image", "t1", "grey", "white", "csf", "brain", "head"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Md5 = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
RECORD = ".sha256"  # ending of the file in which the sha256 of a first download is kept


class TemplateError(XaigtError):
    """A template whose data are missing or are not what its card says."""


class PackagedFile(Strict):
    """A data file that lies inside an installed Python package."""

    package: str
    path: str
    sha256: Sha256
    role: Role

    def locate(self) -> Path:
        """Path of the file, found without importing the package, its checksum verified.

        Raises
        ------
        TemplateError
            If the package or the file is missing, or the file is not the one the card names.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise TemplateError(f"the Python package {self.package} is not installed: pip install {self.package}.")
        path = Path(spec.submodule_search_locations[0]) / self.path
        if not path.is_file():
            raise TemplateError(f"{path}: missing; this version of {self.package} does not carry it.")
        return verified(path, self.sha256)


class RemoteFile(Strict):
    """A file that is downloaded from a pinned address; see :mod:`xaigt.anatomy.fetch`.

    Where its publisher states no sha256, `md5` pins it together with its size; the sha256 of the first download is
    then kept beside the file, and held to from then on.
    """

    url: Annotated[str, Field(pattern="^https://")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]+\.nii(\.gz)?$", description="name it is kept under")]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    role: Role

    @model_validator(mode="after")
    def _is_pinned(self) -> RemoteFile:
        if self.sha256 is None and self.md5 is None:
            raise ValueError(f"{self.file} has no checksum: give sha256 (or md5, where no sha256 is published)")
        return self

    @property
    def pin(self) -> tuple[str, str]:
        """Algorithm and value of the checksum that the card names."""
        return ("sha256", self.sha256) if self.sha256 is not None else ("md5", str(self.md5))

    def verify(self, path: Path) -> Path:
        """Return `path` if the file has the card's checksum, and that of the first download where one was kept.

        Raises
        ------
        TemplateError
            With both sums, if it has not.
        """
        algorithm, expected = self.pin
        record = path.with_name(path.name + RECORD)
        if algorithm != "sha256" and record.is_file():
            verified(path, record.read_text(encoding="utf-8").strip(), said_by=f"{record.name} of its first download")
        return verified(path, expected, algorithm)

    def locate(self) -> Path:
        """Path of the file in the cache, its checksum verified; ``XAIGT_MIRROR`` is looked through if it is set.

        Raises
        ------
        TemplateError
            If it was not downloaded yet, or is not the file the card names.
        """
        from xaigt.anatomy import fetch

        found = fetch.fetched(self) or fetch.from_mirror(self, fetch.mirror_folder())
        if found is None:
            raise TemplateError(f"{self.file}: not downloaded yet; run: xaigt templates fetch NAME (of its template).")
        return self.verify(found)


class LocalFile(Strict):
    """A file of the user's own, left where it is."""

    local: Annotated[str, Field(min_length=1, description="absolute path")]
    sha256: Sha256
    role: Role
    slice_positions_mm: Annotated[
        list[float] | None, Field(min_length=2, description="of slices that are not even, along the third axis")
    ] = None

    def locate(self) -> Path:
        """Path of the file, its checksum verified.

        Raises
        ------
        TemplateError
            If it is gone or was changed since it was added.
        """
        path = Path(self.local)
        if not path.is_file():
            raise TemplateError(f"{path}: missing; move it back, or add it again with: xaigt templates add.")
        return verified(path, self.sha256)


def _kind(value: Any) -> str:
    keys = value if isinstance(value, dict) else type(value).model_fields
    return "_remote" if "url" in keys else "_local" if "local" in keys else "_packaged"


Source = Annotated[
    Annotated[PackagedFile, Tag("_packaged")]
    | Annotated[RemoteFile, Tag("_remote")]
    | Annotated[LocalFile, Tag("_local")],
    Discriminator(_kind),
]


def sha256_of(source: PackagedFile | RemoteFile | LocalFile) -> str:
    """Return the sha256 of a source: as its card names it, else of the file that is here.

    Raises
    ------
    TemplateError
        If the card names none and the file is not here.
    """
    if source.sha256 is not None:
        return source.sha256
    path = source.locate()
    return checksum(path, path.stat().st_size, path.stat().st_mtime_ns)


def verified(path: Path, expected: str, algorithm: str = "sha256", said_by: str = "the template card") -> Path:
    """Return `path` if the file has that checksum.

    Raises
    ------
    TemplateError
        With both sums, if it has not.
    """
    stat = path.stat()
    if (found := checksum(path, stat.st_size, stat.st_mtime_ns, algorithm)) != expected:
        raise TemplateError(f"{path}: its {algorithm} is {found}, but {said_by} says {expected}.")
    return path


@lru_cache(maxsize=256)
def checksum(path: Path, _size: int, _changed_ns: int, algorithm: str = "sha256") -> str:
    """Return the sha256 or md5 of a file; computed again when its size or time of change differs."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
