"""What is wrong, counted by kind, with the first few places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xaigt.audit.lines import Verdict

_SHOWN = 3


@dataclass(frozen=True)
class Check:
    """One yes-or-no line of the report."""

    name: str
    verdict: Verdict
    note: str
    details: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"name": self.name, "verdict": str(self.verdict), "note": self.note, "details": self.details}


class Problems:
    """Problems found, by the check they belong to and their kind."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[str]]] = {}

    def add(self, check: str, kind: str, where: str) -> None:
        """Note one problem."""
        self.found.setdefault(check, {}).setdefault(kind, []).append(where)

    def check(self, name: str, good: str) -> Check:
        """FAIL with what was found and where first, else PASS with `good`."""
        kinds = self.found.get(name, {})
        if not kinds:
            return Check(name, Verdict.PASS, good)
        words = [
            f"{kind}: {len(places)} ({', '.join(places[:_SHOWN])}{', ...' if len(places) > _SHOWN else ''})"
            for kind, places in kinds.items()
        ]
        return Check(name, Verdict.FAIL, "; ".join(words), {kind: places[:100] for kind, places in kinds.items()})
