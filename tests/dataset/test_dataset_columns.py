"""docs/reference/dataset.md says what every column of a dataset's tables is."""

import re
from pathlib import Path

import pandas as pd
import pytest

TEXT = (Path(__file__).parents[2] / "docs/reference/dataset.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["samples", "lesions", "evidence"])
def test_every_column_is_explained(slices, name):
    part = TEXT.partition(f"\n## {name}.parquet")[2].partition("\n## ")[0]
    first = re.findall(r"^\| (`.+?) \|", part, flags=re.MULTILINE)  # the column of names
    known = [re.sub(r"<\w+>|\*", r"\\w+", word) for row in first for word in re.findall(r"`([\w<>*]+)`", row)]
    assert known
    columns = pd.read_parquet(slices.path / f"{name}.parquet").columns
    assert [column for column in columns if not any(re.fullmatch(word, column) for word in known)] == []
