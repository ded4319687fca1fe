"""Auditing a dataset: nothing but the lesion may tell the class, and the recorded truth must be true."""

from __future__ import annotations

from xaigt.audit.lines import Line, Role, Verdict
from xaigt.audit.problems import Check
from xaigt.audit.report import Report
from xaigt.audit.run import audit

__all__ = ["Check", "Line", "Report", "Role", "Verdict", "audit"]
