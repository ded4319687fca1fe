"""What an audit found: as a table, as a machine-readable file, as one verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xaigt
from xaigt.audit.lines import MARGIN, WELL_ABOVE, Family, Line, Role, Verdict
from xaigt.audit.problems import Check
from xaigt.dataset import layout
from xaigt.dataset.files import disk_errors, sha256, write_json
from xaigt.dataset.reading import Dataset

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Report:
    """Every line and check of an audit.

    Attributes
    ----------
    dataset
        What was audited: path, recipe, samples, checksum of dataset.json.
    lines
        Areas under the curve, with verdicts.
    checks
        Truth, and leaks between splits.
    limitations
        What could not be asked, in words.
    critical
        Critical value of the simultaneous intervals.
    level, seed
        As given.
    """

    dataset: dict[str, Any]
    lines: list[Line]
    checks: list[Check]
    limitations: list[str]
    critical: float
    level: float
    seed: int

    @classmethod
    def of(
        cls, dataset: Dataset, family: Family, checks: list[Check], limitations: list[str], level: float, seed: int
    ) -> Report:
        """Gather the report of a dataset."""
        about = {
            "path": str(dataset.path),
            "recipe": dataset.description["recipe"]["name"],
            "task": dataset.description["task"],
            "samples": len(dataset),
            "sha256": sha256(dataset.path / layout.DESCRIPTION),
        }
        return cls(about, family.lines(), checks, limitations, family.critical, level, seed)

    @property
    def verdict(self) -> Verdict:
        """FAIL if anything failed; PASS if all that is judged passed; else INCONCLUSIVE."""
        found = {item.verdict for item in self._all()}
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            if verdict in found:
                return verdict
        return Verdict.PASS

    @property
    def failed(self) -> list[Line | Check]:
        """Lines and checks that failed."""
        return [item for item in self._all() if item.verdict is Verdict.FAIL]

    @property
    def summary(self) -> str:
        """One sentence."""
        counts = Counter(str(item.verdict) for item in self._all())
        parts = [f"{counts[str(verdict)]} {verdict}" for verdict in Verdict if counts[str(verdict)]]
        needed = [line.n for line in self.lines if line.n is not None]
        more = ""
        if self.verdict is Verdict.INCONCLUSIVE and needed:
            more = f" If the estimates stay, about {max(needed):,} samples would decide every line that can be decided."
        return f"{self.verdict}: {', '.join(parts)} (of {self.dataset['samples']} samples).{more}"

    def _all(self) -> Sequence[Line | Check]:
        return [*self.lines, *self.checks]

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, as audit.json has it."""
        return {
            "format_version": FORMAT_VERSION,
            "xaigt": xaigt.__version__,
            "dataset": self.dataset,
            "verdict": str(self.verdict),
            "summary": self.summary,
            "settings": {
                "level": self.level,
                "intervals": "simultaneous over all lines: bootstrap of subjects, max-T; variances out of fold doubled",
                "critical_value": round(self.critical, 4),
                "margin": MARGIN,
                "evidence_above": WELL_ABOVE,
                "seed": self.seed,
            },
            "lines": [line.plain() for line in self.lines],
            "checks": [check.plain() for check in self.checks],
            "limitations": self.limitations,
        }

    def write(self, path: Path) -> Path:
        """Write the machine-readable report.

        Raises
        ------
        DatasetError
            If the disk does not let it.
        """
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, self.plain())
        return path

    def rows(self, everything: bool = False) -> list[tuple[str, str, str, str]]:
        """Rows of the table for people: (verdict, what, area and interval, note), what failed first.

        Without `everything`, covariates of one role and verdict, but for failures, are joined into one row that shows
        the largest area.
        """
        rows = []
        joined: dict[tuple[Role, Verdict], list[Line]] = {}
        for line in self.lines:
            single = everything or line.verdict is Verdict.FAIL or line.test in ("pixels", "logistic", "boosted")
            joined.setdefault((line.role, line.verdict), []).append(line)
            if single:
                joined[line.role, line.verdict].pop()
                rows.append(_row(line))
        for lines in joined.values():
            most = sorted(lines, key=lambda line: -line.auc)
            if len(lines) > 1:
                verdict, name, area, note = _row(most[0])
                needed = [line.n for line in lines if line.n]
                more = f"; {min(needed):,} to {max(needed):,} samples would decide" if needed else ""
                note = f"of {len(lines)} lines of covariates, the one with the largest area{more}"
                rows.append((verdict, name, area, "; ".join(filter(None, (_expected(most[0].role), note)))))
            elif lines:
                rows.append(_row(lines[0]))
        rows += [(str(check.verdict), check.name, "", check.note) for check in self.checks]
        order = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_JUDGED, Verdict.PASS]
        return sorted(rows, key=lambda row: order.index(Verdict(row[0])))


def _row(line: Line) -> tuple[str, str, str, str]:
    name = f"{line.name} ({line.test}{', ' + line.target if line.target else ''})"
    note = "; ".join(filter(None, (_expected(line.role), line.note, _decide(line))))
    return str(line.verdict), name, f"{line.auc:.3f} [{line.low:.3f}, {line.high:.3f}]", note


def _expected(role: Role) -> str:
    return {
        Role.SHORTCUT: "",
        Role.DECLARED: "declared class_defining",
        Role.NATURE: "tells the class by nature of the task",
        Role.EVIDENCE: f"must be above {WELL_ABOVE:.2f}",
    }[role]


def _decide(line: Line) -> str:
    if line.verdict is not Verdict.INCONCLUSIVE:
        return ""
    return f"{line.n:,} samples would decide" if line.n else "the estimate lies at the margin"
