"""What a report is made of: the tables and descriptions of a study, one view a variant of its data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xaigt.dataset.files import read_json
from xaigt.studies.errors import StudyError
from xaigt.studies.folder import ANALYSIS, StudyFolder

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset


@dataclass(frozen=True)
class Source:
    """A study, read.

    Attributes
    ----------
    folder
        Of the study.
    """

    folder: StudyFolder

    @cached_property
    def description(self) -> dict[str, Any]:
        """Content of ``study.json``."""
        return self.folder.description

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """What was asked for, every default written out."""
        return self.folder.configuration

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """What every started cell says of itself."""
        return self.folder.cells()

    @cached_property
    def gallery(self) -> dict[str, Any]:
        """Samples and networks whose maps were kept; empty if there are none."""
        return self.folder.gallery()

    @cached_property
    def comparison(self) -> list[str]:
        """What changed between the variants, in sentences."""
        path = self.folder.path / ANALYSIS / "comparison.json"
        return list(read_json(path).get("sentences", ())) if path.exists() else []

    @cached_property
    def compared(self) -> pandas.DataFrame:
        """Contrasts of all variants, each beside the others; empty if there are none."""
        import pandas

        path = self.folder.path / ANALYSIS / "comparison.parquet"
        return _texts(pandas.read_parquet(path)) if path.exists() else pandas.DataFrame()

    @property
    def variants(self) -> list[str]:
        """Names of the variants of the data, the main one first."""
        return list(self.folder.study.variants)

    def table(self, name: str) -> pandas.DataFrame:
        """Table of all cells; empty if it is not there yet."""
        import pandas

        try:
            return self.folder.table(name)
        except StudyError:
            return pandas.DataFrame()


@dataclass(frozen=True)
class View:
    """One variant of a study.

    Attributes
    ----------
    source
        The study.
    variant
        Its name, such as ``main``.
    """

    source: Source
    variant: str

    @cached_property
    def analysis(self) -> dict[str, Any]:
        """Content of ``analysis.json``; empty if the study is not analysed yet."""
        path = self.source.folder.path / ANALYSIS / self.variant / "analysis.json"
        return self.source.folder.analysis(self.variant) if path.exists() else {}

    def analysed(self, name: str) -> pandas.DataFrame:
        """Table of the analysis; empty if it is not there."""
        import pandas

        found = self.source.folder.analysis_table(self.variant, name)
        return pandas.DataFrame() if found is None else _texts(found)

    def table(self, name: str) -> pandas.DataFrame:
        """Rows of this variant of a table of all cells; empty if there are none."""
        table = self.source.table(name)
        if "variant" in table.columns:
            table = table[table["variant"] == self.variant]
        return _texts(table)

    def sql(self, name: str, columns: str = "*") -> str:
        """Query for a table of the analysis."""
        table = f"{self.variant}_{name}"
        return f"select {columns} from {table if table.isidentifier() else chr(34) + table + chr(34)}"

    def sql_of_cells(self, name: str) -> str:
        """Query for the rows of this variant in a table of all cells."""
        return f"select * from {name} where variant = '{self.variant}'"

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the analysis by its id; empty if it is not there."""
        return next((found for found in self.analysis.get("sections", ()) if found["id"] == name), {})

    @cached_property
    def cells(self) -> pandas.DataFrame:
        """A row a finished network."""
        return self.table("cells")

    @property
    def metric(self) -> str:
        """The primary metric."""
        return str(self.analysis.get("metric", "score"))

    @property
    def covariate(self) -> str:
        """The measure of accuracy at which networks are compared."""
        return str(self.analysis.get("covariate") or "dprime")

    @cached_property
    def arms(self) -> list[str]:
        """Arms, in the order of the configuration."""
        return _levels(self.cells, "arm", self.source.configuration["grid"]["arms"])

    @cached_property
    def depths(self) -> list[str]:
        """Depths from the head alone to everything."""
        return sorted(_levels(self.cells, "depth", ()), key=depth_order)

    @cached_property
    def networks(self) -> list[str]:
        """Architectures."""
        return _levels(self.cells, "network", self.source.configuration["grid"]["networks"])

    def dataset(self) -> Dataset:
        """Dataset that the networks were explained on.

        Raises
        ------
        XaigtError
            If it cannot be opened.
        """
        return self.source.folder.dataset(self.variant)


def depth_order(depth: str) -> tuple[int, str]:
    """Rank of a depth: numbers by value, then ``all``, then schedules by name."""
    if depth.isdigit():
        return int(depth), ""
    return (10_000, "") if depth == "all" else (10_001, depth)


def _levels(table: pandas.DataFrame, name: str, known: Iterable[Any]) -> list[str]:
    """Levels of a column: first those of `known`, in that order."""
    found = sorted(set(table[name].astype(str))) if name in table.columns else []
    names = [str(level) for level in known]
    return sorted(found, key=lambda level: names.index(level) if level in names else len(names))


def _texts(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return the table with the names of arms and depths as text, None where they are missing."""
    given = {name: table[name] for name in ("arm", "depth", "network", "method", "stage") if name in table.columns}
    return table.assign(**{name: column.astype(object).where(column.notna(), None) for name, column in given.items()})
