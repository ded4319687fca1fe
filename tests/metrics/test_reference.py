"""The reference page is that of the declarations, and the examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xaigt.metrics import names
from xaigt.metrics.reference import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m xaigt.metrics > docs/reference/metrics.md"
    for name in names():
        assert f"### {name}\n" in written


def test_the_command_prints_the_page_in_any_locale() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "xaigt.metrics"], capture_output=True, check=True, cwd=ROOT,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert run.stdout.decode("utf-8") == page()


@pytest.mark.parametrize("module", ["catalog", "table", "tuning"])
def test_examples_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"xaigt.metrics.{module}"))
    assert result.attempted > 0 and result.failed == 0
