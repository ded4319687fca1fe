"""What the page is made of: parts, sections and figures."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from xaigt.studies.report import style, tables
from xaigt.studies.report.tables import Table

FIGURE_ROWS = 40


@dataclass
class Group:
    """Sentences under a heading."""

    title: str
    sentences: Sequence[str]


@dataclass
class Section:
    """A section of the page; what is empty is not there."""

    id: str
    title: str
    text: list[str] = field(default_factory=list)
    strong: bool = False
    caveats: list[str] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    gallery: Markup | None = None
    methods: dict[str, Any] | None = None
    listing: dict[str, str] | None = None


@dataclass
class Part:
    """The sections of one variant of the data."""

    name: str
    prefix: str
    sections: list[Section]

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Links to the sections."""
        return [(section.id, section.title) for section in self.sections]


def figure(drawing: style.Drawing, folder: Path, prefix: str = "") -> dict[str, Any]:
    """Write a figure's files; return what the page shows of it."""
    drawing = replace(drawing, name=f"{prefix}{drawing.name}")
    pictures = {"wide": _address(style.write(drawing, folder)), "narrow": _address(style.narrow(drawing))}
    table = tables.of_frame(drawing.table, f"{drawing.title}; all rows are in the CSV file.", FIGURE_ROWS)
    words = {"name": drawing.name, "title": drawing.title, "caption": drawing.caption, "alt": drawing.alt}
    return words | pictures | {"table": table, "command": command(drawing.query)}


def command(query: str) -> str:
    """What to type to get the numbers of a figure; DIR is the study's folder."""
    quoted = shlex.quote(query) if '"' in query or "$" in query else f'"{query}"'
    return f"xaigt study query DIR {quoted}"


def _address(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
