"""The room is usable alone: importing it is cheap, and it knows nothing of the rest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import xaigt.statistics as room


def test_importing_the_room_loads_nothing_heavy():
    code = "import sys, xaigt.statistics; print({'numpy', 'pandas', 'statsmodels'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", room.__all__)
def test_public_names_exist_and_are_documented(name):
    assert getattr(room, name).__doc__


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'comparison_of'"):
        room.comparison_of  # noqa: B018


def test_it_knows_nothing_of_the_rest():
    for path in Path(room.__file__).parent.glob("*.py"):
        for module in re.findall(r"^\s*(?:from|import) (xaigt[\w.]*)", path.read_text(encoding="utf-8"), re.M):
            assert module.startswith("xaigt.statistics") or module == "xaigt.errors", f"{path.name} imports {module}"
