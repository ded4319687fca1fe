"""docs/reference/study-columns.md says what every column of a study's tables is: no more and no less."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.studies.report.example import build
from xaigt.studies.tables import NAMED

PAGE = Path(__file__).parents[2] / "docs/reference/study-columns.md"
SHARED = "In every one of the first five tables"
JOINED = ("cells", "scores", "effects", "used", "curves")


def documented():
    """(columns, those that are not always there) of each table by its heading."""
    found = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        rows = re.findall(r"^\| `(\w+)`( \*)? \| (.+) \|$", part, flags=re.MULTILINE)
        assert len(rows) == len({name for name, _, _ in rows}), part.partition("\n")[0]
        found[part.partition("\n")[0]] = ([name for name, _, _ in rows], {name for name, mark, _ in rows if mark})
    return found


def check(path, name, shared=()):
    columns, sometimes = documented()[name]
    there = set(pd.read_parquet(path).columns)
    assert there - sometimes == {*columns, *shared} - sometimes, name
    assert there <= {*columns, *shared}, name


def test_columns_of_the_joined_tables(finished):
    everywhere = documented()[SHARED][0]
    for name in JOINED:
        shared = NAMED if name == "curves" else everywhere
        check(finished.path / "tables" / f"{name}.parquet", name, shared)


def test_columns_of_every_file_of_a_cell(finished):
    everywhere = documented()[SHARED][0]
    seen = set()
    for path in finished.path.glob("cells/**/*.parquet"):
        if path.stem in (*JOINED, "cell"):
            check(path, "cells" if path.stem == "cell" else path.stem, everywhere)
        else:  # a file that the page does not name has no heading, and fails here
            check(path, f"{path.name} of a cell's maps" if path.parent.name == "maps" else f"{path.name} of a cell")
        seen.add(path.name)
    assert seen == {
        "cell.parquet", "scores.parquet", "effects.parquet", "used.parquet", "evaluation.parquet",
        "predictions.parquet", "pairs.parquet",
    }  # fmt: skip
    # No table lies anywhere else: the datasets of a study have a page of their own.
    places = {path.relative_to(finished.path).parts[0] for path in finished.path.rglob("*.parquet")}
    assert places <= {"cells", "tables", "analysis"}


@pytest.mark.slow
def test_columns_of_the_analysis(slices, tmp_path):
    folder = build(tmp_path / "study", slices, variants=("main", "legacy"), depths=("0", "all"))
    paths = sorted(folder.glob("analysis/main/*.parquet"))
    for path in paths:
        check(path, "used (of the analysis)" if path.stem == "used" else path.stem)
    check(folder / "analysis" / "comparison.parquet", "comparison")
    known = {name for name in documented() if ".parquet of a" not in name} - {*JOINED, SHARED, "comparison"}
    known = {name for name in known if documented()[name][0]} - {"used (of the analysis)"}
    assert known == {path.stem for path in paths} - {"used"}
