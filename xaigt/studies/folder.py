"""The directory of a study: where everything lies, and how it is read back."""

from __future__ import annotations

import hashlib
import io
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaigt.dataset.files import read_json, replace, sha256, write_json
from xaigt.studies.configuration import MAIN, Study, as_yaml
from xaigt.studies.configuration import load as load_configuration
from xaigt.studies.errors import StudyError

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset

FORMAT_VERSION = 1
CONFIGURATION, STUDY, GALLERY = "study.yaml", "study.json", "gallery.json"
CELLS, CELL, TABLES, ANALYSIS, PRETRAINING, DATA = "cells", "cell.json", "tables", "analysis", "pretraining", "data"


def identity(content: object) -> str:
    """Sixteen hexadecimal digits that name a configuration."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_table(path: Path, table: pandas.DataFrame) -> None:
    """Write a table whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    replace(path, content.getvalue())


class StudyFolder:
    """A study on the disk.

    Parameters
    ----------
    path
        Its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def description(self) -> dict[str, Any]:
        """Content of ``study.json``."""
        return dict(read_json(self.path / STUDY))

    def update(self, **fields: Any) -> dict[str, Any]:
        """Change fields of ``study.json``."""
        known = self.description if (self.path / STUDY).exists() else {"format_version": FORMAT_VERSION}
        write_json(self.path / STUDY, known | fields)
        return known | fields

    @cached_property
    def study(self) -> Study:
        """The configuration, checked."""
        return load_configuration(self.path / CONFIGURATION)

    @property
    def configuration(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return self.study.model_dump(mode="json")

    def configure(self, study: Study) -> None:
        """Write the configuration."""
        self.path.mkdir(parents=True, exist_ok=True)
        replace(self.path / CONFIGURATION, as_yaml(study).encode())
        self.__dict__.pop("study", None)

    def cell(self, name: str) -> Path:
        """Directory of a cell."""
        return self.path / CELLS / name

    def cells(self) -> list[dict[str, Any]]:
        """Content of every ``cell.json``, cells of earlier and larger grids included."""
        found = sorted((self.path / CELLS).glob(f"*/{CELL}"))
        return [dict(read_json(path)) for path in found]

    def table(self, name: str) -> pandas.DataFrame:
        """One of the joined tables: cells, scores, effects, used, curves.

        Raises
        ------
        StudyError
            If the study has not come so far.
        """
        return self._read(self.path / TABLES / f"{name}.parquet")

    def analysis(self, variant: str = MAIN) -> dict[str, Any]:
        """Content of ``analysis.json`` of a variant."""
        return dict(read_json(self.path / ANALYSIS / variant / "analysis.json"))

    def analysis_table(self, variant: str, name: str) -> pandas.DataFrame | None:
        """A table of the analysis, or None where the analysis could not be done."""
        path = self.path / ANALYSIS / variant / f"{name}.parquet"
        return self._read(path) if path.exists() else None

    def dataset_paths(self, variant: str = MAIN) -> list[Path]:
        """Datasets of a variant, by data seed; the networks are evaluated on the first."""
        datasets = self.description.get("datasets", {}).get(variant)
        if not datasets:
            raise StudyError(f"{self.path}: has no data of the variant {variant!r} yet; run the study first.")
        return [self.path / entry["path"] for entry in datasets]

    def dataset(self, variant: str = MAIN) -> Dataset:
        """Dataset that the networks of a variant are evaluated on."""
        from xaigt.dataset.reading import load

        return load(self.dataset_paths(variant)[0])

    def gallery(self) -> dict[str, Any]:
        """Content of ``gallery.json``; empty before there is one."""
        return dict(read_json(self.path / GALLERY)) if (self.path / GALLERY).exists() else {}

    def checksums(self) -> dict[str, str]:
        """Checksum of every file of the tables and of the analysis."""
        files = [path for part in (TABLES, ANALYSIS) for path in (self.path / part).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.path)): sha256(path) for path in sorted(files)}

    def _read(self, path: Path) -> pandas.DataFrame:
        import pandas

        if not path.exists():
            raise StudyError(f"{path}: is not there yet; 'xaigt study status {self.path}' says how far the study is.")
        return pandas.read_parquet(path)


def load(path: Path) -> StudyFolder:
    """Open the directory of a study.

    Raises
    ------
    StudyError
        If it is none, or newer than this xaigt.
    """
    if not (path / STUDY).exists() or not (path / CONFIGURATION).exists():
        raise StudyError(f"{path}: is not a study (it has no {STUDY}); 'xaigt study pretraining -o {path}' makes one.")
    folder = StudyFolder(path)
    if folder.description.get("format_version", 0) > FORMAT_VERSION:
        raise StudyError(f"{path}: is in a newer format than this xaigt reads: install a newer xaigt.")
    return folder
