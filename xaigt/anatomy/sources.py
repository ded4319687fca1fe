"""Where the data of a template lie: inside an installed package, at a pinned address, or on the user's disk.

Whatever the place, a file is used only if its checksum is the one that the card names.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from xaigt.anatomy.files import TemplateError, fetched, from_mirror, mirror_folder, verified
from xaigt.schema import Strict

__all__ = ["LocalFile", "PackagedFile", "RemoteFile", "Role", "Source", "TemplateError"]

Role = Literal["image", "t1", "grey", "white", "csf", "brain", "head"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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
    """A file that is downloaded from a pinned address; see :mod:`xaigt.anatomy.fetch`."""

    url: Annotated[str, Field(pattern="^https://")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]+\.nii(\.gz)?$", description="name it is kept under")]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256
    role: Role

    def locate(self) -> Path:
        """Path of the file in the cache, its checksum verified; ``XAIGT_MIRROR`` is looked through if it is set.

        Raises
        ------
        TemplateError
            If it was not downloaded yet, or is not the file the card names.
        """
        found = fetched(self) or from_mirror(self, mirror_folder())
        if found is None:
            raise TemplateError(f"{self.file}: not downloaded yet; run: xaigt templates fetch NAME (of its template).")
        return verified(found, self.sha256)


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
