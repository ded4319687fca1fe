"""Sections: what one part of an analysis found, in words and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xaigt.statistics.findings import Finding

if TYPE_CHECKING:
    import pandas


@dataclass
class Section:
    """One part of the analysis.

    Attributes
    ----------
    name, title
        What it is called in files, and by people.
    sentences
        What was found, or why nothing could be.
    tables
        Its numbers, by file name without ``.parquet``.
    scope
        What its findings are about, if not the whole study; it stands before their sentences.
    """

    name: str
    title: str
    sentences: list[str] = field(default_factory=list)
    tables: dict[str, pandas.DataFrame] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    refused: bool = False
    scope: str = ""
