"""The reference page names every finding, every public function and every parameter of compare."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import xaigt.statistics as room

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "statistics.md").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in Path(room.__file__).parent.glob("*.py"))


def test_codes_of_findings():
    told = set(re.findall(r"`(\w+)`", REFERENCE.split("Codes of findings:")[1].split("##")[0]))
    raised = set(re.findall(r"Finding\(\s*\"(\w+)\"", SOURCE)) | {"no_adjusted", "no_corrected"}
    raised |= {"missing_covariate", "incomplete"}  # passed to _drop
    assert told == raised


def test_parameters_of_compare():
    table = REFERENCE.split("## compare")[1].split("##")[0]
    named = {name for cell in re.findall(r"^\| (`.*?`) \|", table, re.M) for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(inspect.signature(room.compare).parameters)


def test_public_functions():
    for name in room.__all__:
        if inspect.isfunction(getattr(room, name)):
            assert f"`{name}(" in REFERENCE or f"## {name}" in REFERENCE or f"{name}(" in REFERENCE, name
