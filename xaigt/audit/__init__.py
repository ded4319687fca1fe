"""Auditing a dataset: does anything but the lesion tell the class, and is the recorded truth true?"""

from __future__ import annotations

from xaigt.audit.lines import Line, Role, Verdict
from xaigt.audit.problems import Check
from xaigt.audit.report import Report
from xaigt.audit.run import audit

__all__ = ["Check", "Line", "Report", "Role", "Verdict", "audit"]
