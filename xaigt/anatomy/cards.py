"""Template cards: what a template is, where its data come from, and under which terms."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from xaigt import catalog
from xaigt.anatomy.sources import LocalFile, PackagedFile, RemoteFile, Role, Source, TemplateError
from xaigt.schema import Document, Strict, validate

__all__ = ["LocalFile", "Modality", "PackagedFile", "RemoteFile", "TemplateCard", "TemplateError", "load_card"]

Modality = Literal["CT", "T1w", "T2w", "PDw", "FLAIR", "SWI", "DWI", "ADC"]


class TemplateCard(Strict):
    """One YAML file of templates/.

    `values` says how the numbers of the image file are meant: Hounsfield units, Cormack units (turned to HU when
    they are read), or an arbitrary scale (MR; scaled so that white matter is 1000). `person` names who the image
    is of, so that scans of one person are never in two splits; averages have none.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    title: str
    description: str
    modality: Modality
    units: str
    values: Literal["hounsfield", "cormack", "arbitrary"] = "hounsfield"
    kind: Literal["acquisition", "average", "rendering"]
    individual: bool
    person: str | None = None
    space: str
    orientation: Literal["RAS"]
    skull: bool
    builder: str
    sources: Annotated[list[Source], Field(min_length=1)]
    licence: str
    redistribution: bool
    commercial: bool
    citation: str

    @model_validator(mode="after")
    def _roles_are_given_once(self) -> TemplateCard:
        roles = [source.role for source in self.sources]
        if twice := {role for role in roles if roles.count(role) > 1}:
            raise ValueError(f"sources: the role {sorted(twice)[0]} is given twice")
        return self

    @property
    def standard_space(self) -> bool:
        """Whether the file's coordinates are those of an MNI space already."""
        return self.space.startswith("MNI")

    def has(self, role: Role) -> bool:
        """Whether a source plays that role."""
        return any(source.role == role for source in self.sources)

    def file(self, role: str) -> Path:
        """Verified path of the source that plays a role.

        Raises
        ------
        TemplateError
            If no source plays it, or its data are missing or wrong.
        """
        for source in self.sources:
            if source.role == role:
                try:
                    return source.locate()
                except TemplateError as error:
                    raise TemplateError(
                        f"template {self.name}: {str(error).replace(' NAME ', f' {self.name} ')}"
                    ) from None
        raise TemplateError(f"template {self.name}: its card lists no source with the role {role!r}.")

    def slice_positions(self, role: str) -> list[float] | None:
        """Where the slices of the source with that role lie (mm), if they are known to be uneven."""
        for source in self.sources:
            if source.role == role and isinstance(source, LocalFile):
                return source.slice_positions_mm
        return None

    def restrictions(self) -> list[str]:
        """What the terms forbid, in words; empty if they allow redistribution and commercial use."""
        forbidden = []
        if not self.redistribution:
            forbidden.append("may not be redistributed")
        if not self.commercial:
            forbidden.append("may not be used commercially")
        return forbidden


def load_card(name: str) -> TemplateCard:
    """Read and check the card of a template in the catalogue.

    Raises
    ------
    catalog.UnknownNameError
        If there is no such template.
    SchemaError
        If the card is not valid.
    """
    return _read(*catalog.found("templates", name))


def card_text(name: str) -> str:
    """Return the card of a template as JSON: what its fields are computed from and known by."""
    return _text(*catalog.found("templates", name))


@lru_cache(maxsize=64)
def _text(path: str, changed_ns: int) -> str:
    return _read(path, changed_ns).model_dump_json()


@lru_cache(maxsize=64)
def _read(path: str, _changed_ns: int) -> TemplateCard:
    document = Document(Path(path))
    card = validate(TemplateCard, document.data, document)
    if card.name != document.path.stem:
        raise TemplateError(
            f"{document.path}, field name: is {card.name!r}, but the file is called {document.path.name}."
        )
    return card
