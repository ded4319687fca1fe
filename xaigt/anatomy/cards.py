"""Template cards: what a template is, where its data come from, and under which terms."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from xaigt import catalog
from xaigt.errors import XaigtError
from xaigt.schema import Document, Strict, validate


class TemplateError(XaigtError):
    """A template whose data are missing or are not what its card says."""


class PackagedFile(Strict):
    """A data file that lies inside an installed Python package."""

    package: str
    path: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    role: Literal["image", "t1", "grey", "white", "csf", "brain"]

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
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise TemplateError(f"{path}: its sha256 is {found}, but the template card says {self.sha256}.")
        return path


class TemplateCard(Strict):
    """One YAML file of templates/."""

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    title: str
    description: str
    modality: Literal["CT", "T1w", "T2w", "PDw", "FLAIR", "SWI", "DWI", "ADC"]
    units: str
    kind: Literal["acquisition", "average", "rendering"]
    individual: bool
    space: str
    orientation: Literal["RAS"]
    skull: bool
    builder: str
    sources: Annotated[list[PackagedFile], Field(min_length=1)]
    licence: str
    redistribution: bool
    commercial: bool
    citation: str

    def file(self, role: str) -> Path:
        """Verified path of the source that plays a role."""
        for source in self.sources:
            if source.role == role:
                return source.locate()
        raise TemplateError(f"template {self.name}: its card lists no source with the role {role!r}.")


def load_card(name: str) -> TemplateCard:
    """Read and check the card of a template in the catalogue.

    Raises
    ------
    catalog.UnknownNameError
        If there is no such template.
    SchemaError
        If the card is not valid.
    """
    path = catalog.find("templates", name)
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, _changed_ns: int) -> TemplateCard:
    document = Document(path)
    card = validate(TemplateCard, document.data, document)
    if card.name != path.stem:
        raise TemplateError(f"{document.path}, field name: is {card.name!r}, but the file is called {path.name}.")
    return card
