"""What a report is made of: the tables and descriptions of a study, one view a variant of its data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaigt.dataset.files import read_json
from xaigt.errors import XaigtError

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset

FORMAT_VERSION = 1
REFERENCES = ("chance", "attainable")
INPUT = "input"


class ReportError(XaigtError):
    """A folder of which no report can be made; the message says why, and what would be right."""


@dataclass(frozen=True)
class Material:
    """A study, read.

    Attributes
    ----------
    folder
        Of the study.
    description
        Content of ``study.json``.
    configuration
        Content of ``study.yaml``.
    """

    folder: Path
    description: dict[str, Any]
    configuration: dict[str, Any]

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """What every started cell says of itself (``cell.json``)."""
        return [read_json(path) for path in sorted(self.folder.glob("cells/*/cell.json"))]

    @property
    def grid(self) -> dict[str, Any]:
        """Arms, depths, networks and seeds of the configuration."""
        return dict(self.configuration.get("grid") or {})

    @cached_property
    def gallery(self) -> dict[str, Any]:
        """Content of ``gallery.json``; empty if there is none."""
        path = self.folder / "gallery.json"
        return dict(read_json(path)) if path.exists() else {}

    @cached_property
    def comparison(self) -> list[str]:
        """What changed between the variants, in sentences."""
        path = self.folder / "analysis" / "comparison.json"
        return list(read_json(path).get("sentences", ())) if path.exists() else []

    @property
    def variants(self) -> list[str]:
        """Names of the variants of the data, the main one first."""
        return list(self.description.get("datasets", {})) or ["main"]

    def table(self, name: str) -> pandas.DataFrame:
        """Table of all cells; empty if it is not there."""
        return _read(self.folder / "tables" / f"{name}.parquet")

    def dataset_path(self, variant: str) -> Path:
        """Where the dataset lies that the networks of a variant were explained on."""
        wanted = self.description.get("evaluated_on", {}).get(variant)
        known = self.description.get("datasets", {}).get(variant, [])
        for entry in known:
            if entry["name"] == wanted or wanted is None:
                return self.folder / entry["path"]  # an absolute path stays what it is
        raise ReportError(f"{self.folder / 'study.json'}: names no dataset that the variant {variant} was scored on.")


@dataclass(frozen=True)
class View:
    """One variant of a study.

    Attributes
    ----------
    material
        The study.
    variant
        Its name, such as ``main``.
    """

    material: Material
    variant: str

    @cached_property
    def analysis(self) -> dict[str, Any]:
        """Content of ``analysis.json``; empty if the study is not analysed yet."""
        path = self.material.folder / "analysis" / self.variant / "analysis.json"
        return dict(read_json(path)) if path.exists() else {}

    def analysed(self, name: str) -> pandas.DataFrame:
        """Table of the analysis; empty if it is not there."""
        return _texts(_read(self.material.folder / "analysis" / self.variant / f"{name}.parquet"))

    def table(self, name: str) -> pandas.DataFrame:
        """Rows of this variant of a table of all cells; empty if there are none."""
        table = self.material.table(name)
        if "variant" in table.columns:
            table = table[table["variant"] == self.variant]
        return _texts(table)

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
        return _levels(self.cells, "arm", self.material.grid.get("arms"))

    @cached_property
    def depths(self) -> list[str]:
        """Depths from the head alone to everything."""
        return sorted(_levels(self.cells, "depth", ()), key=depth_order)

    @cached_property
    def networks(self) -> list[str]:
        """Architectures."""
        return _levels(self.cells, "network", self.material.grid.get("networks"))

    def dataset(self) -> Dataset:
        """Dataset that the networks were explained on.

        Raises
        ------
        XaigtError
            If it cannot be opened.
        """
        from xaigt.dataset.reading import load

        return load(self.material.dataset_path(self.variant))


def read(folder: Path) -> Material:
    """Read the folder of a study, finished or not.

    Raises
    ------
    ReportError
        If it is none, or in a newer format.
    """
    import yaml

    if not (folder / "study.json").exists():
        raise ReportError(f"{folder}: is not a study (it has no study.json); xaigt study pretraining makes one.")
    description = read_json(folder / "study.json")
    if description.get("format_version", 0) > FORMAT_VERSION:
        raise ReportError(f"{folder}: is in a newer format than this xaigt reads: install a newer xaigt.")
    path = folder / "study.yaml"
    try:
        configuration = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ReportError(f"{path}: cannot be read ({str(error).splitlines()[0]}).") from None
    return Material(folder, description, configuration or {})


def depth_order(depth: str) -> tuple[int, str]:
    """Rank of a depth: numbers by value, then ``all``, then schedules by name."""
    if depth.isdigit():
        return int(depth), ""
    return (10_000, "") if depth == "all" else (10_001, depth)


def _levels(table: pandas.DataFrame, name: str, known: Iterable[Any] | None) -> list[str]:
    """Levels of a column: first those of `known`, in that order."""
    found = sorted(set(table[name].astype(str))) if name in table.columns else []
    names = [str(level) for level in known or ()]
    return sorted(found, key=lambda level: names.index(level) if level in names else len(names))


def _texts(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return the table with the names of arms and depths as text, None where they are missing."""
    given = {name: table[name] for name in ("arm", "depth", "network", "method", "stage") if name in table.columns}
    return table.assign(**{name: column.astype(object).where(column.notna(), None) for name, column in given.items()})


def _read(path: Path) -> pandas.DataFrame:
    import pandas

    if not path.exists():
        return pandas.DataFrame()
    try:
        return pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}).") from None
