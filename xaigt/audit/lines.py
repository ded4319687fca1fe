"""Lines of an audit: an area under the ROC curve, its simultaneous interval, and the verdict that follows from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.audit.auc import Area, critical_value, interval, standard_error

MARGIN = 0.05
WELL_ABOVE = 0.75
"""The lesion alone must tell the class with an area above this."""
_MOST = 10_000_000


class Verdict(StrEnum):
    """What a line or a check says."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_JUDGED = "NOT JUDGED"


class Role(StrEnum):
    """What a line should show."""

    SHORTCUT = "shortcut"
    """Must not tell the class."""
    DECLARED = "class_defining"
    """Declared to tell the class: must tell it."""
    NATURE = "by nature"
    """Tells the class because of what the task is: reported, not judged."""
    EVIDENCE = "evidence"
    """The lesion alone: must tell the class well."""


@dataclass(frozen=True)
class Tested:
    """A score of every sample, compared with a class: what goes into the simultaneous intervals."""

    name: str
    test: str
    target: str
    role: Role
    area: Area
    note: str = ""
    blind: bool = False
    """A test that did not detect the strongest leak that was injected: it cannot pass."""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of the report.

    Attributes
    ----------
    name, test, target
        What was asked (a covariate, or the pixels), how, and of which class.
    role
        What it should show.
    signed
        The area itself.
    auc, low, high
        max(area, 1 - area) and its simultaneous interval.
    error
        Standard error of the area if its true value is one half: to put several datasets of one recipe together.
    verdict
        See :func:`judge`.
    n
        Samples that would decide an inconclusive line if the estimate stays; None if none would.
    note
        In words.
    details
        More, for the machine-readable report.
    """

    name: str
    test: str
    target: str
    role: Role
    signed: float
    auc: float
    low: float
    high: float
    error: float
    verdict: Verdict
    n: int | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, numbers to six decimals."""
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(self).items()}


def folded(value: float, low: float, high: float) -> tuple[float, float, float]:
    """max(a, 1 - a) of an area and of its interval: the image of the interval, so its coverage stays."""
    bottom = 0.5 if low <= 0.5 <= high else min(abs(low - 0.5), abs(high - 0.5)) + 0.5
    return max(value, 1 - value), bottom, max(high, 1 - low)


def judge(role: Role, low: float, high: float) -> Verdict:
    """Verdict of a folded interval.

    ``shortcut``: PASS if it lies within the margin of one half, FAIL if it lies wholly outside. ``class_defining``: the
    other way round. ``evidence``: PASS if it lies above `WELL_ABOVE`, FAIL if within the margin. ``by nature``: none.
    """
    inside, outside = high <= 0.5 + MARGIN, low > 0.5 + MARGIN
    if role is Role.NATURE:
        return Verdict.NOT_JUDGED
    if role is Role.EVIDENCE:
        inside, outside = low > WELL_ABOVE, inside
    elif role is Role.DECLARED:
        inside, outside = outside, inside
    return Verdict.PASS if inside else Verdict.FAIL if outside else Verdict.INCONCLUSIVE


def needed(samples: int, auc: float, low: float, high: float, boundary: float = 0.5 + MARGIN) -> int | None:
    """Samples at which an interval of the same estimate would lie on one side of the boundary.

    The half-width shrinks with the root of the number of samples. Rounded up to two digits.
    """
    gap = abs(auc - boundary)
    width = high - auc if auc < boundary else auc - low
    if gap < 1e-6 or width <= 0:
        return None
    wanted = samples * max(width / gap, 1.0) ** 2
    if wanted > _MOST:
        return None
    digits = 10 ** max(math.floor(math.log10(wanted)) - 1, 0)
    return max(math.ceil(wanted / digits) * digits, samples + 1)


class Family:
    """All areas of one audit, and the critical value that makes their intervals simultaneous.

    Parameters
    ----------
    tested
        Every area that will be reported.
    subjects
        (n,): subject of each sample, from 0 without gaps.
    blocks
        (n,): block of each sample, likewise: samples whose classes were drawn together.
    level
        Simultaneous coverage.
    seed
        Of the bootstrap.
    """

    def __init__(
        self,
        tested: list[Tested],
        subjects: npt.NDArray[np.int64],
        blocks: npt.NDArray[np.int64],
        level: float,
        seed: int,
    ) -> None:
        self.clusters, self.samples = np.stack([subjects, blocks], 1), len(subjects)
        self.critical = critical_value(np.stack([item.area.influence for item in tested], 1), subjects, level, seed)
        self.tested = tested

    def ends(self, found: Area) -> tuple[float, float, float]:
        """Folded area and interval."""
        return folded(found.value, *interval(found, self.clusters, self.critical))

    def lines(self) -> list[Line]:
        """Every line with its verdict; two tests of one declared covariate are judged together."""
        lines = [self._line(item) for item in self.tested]
        shown = {
            (line.name, line.target) for line in lines if line.role is Role.DECLARED and line.verdict is Verdict.PASS
        }
        return [
            replace(line, verdict=Verdict.PASS, n=None, note="shown by its other test")
            if line.role is Role.DECLARED and (line.name, line.target) in shown and line.verdict is not Verdict.PASS
            else line
            for line in lines
        ]

    def _line(self, item: Tested) -> Line:
        auc, low, high = self.ends(item.area)
        verdict, note = judge(item.role, low, high), item.note
        if item.blind and verdict is Verdict.PASS:
            verdict = Verdict.INCONCLUSIVE
            note = "; ".join(filter(None, (note, "it did not see the strongest leak injected")))
        n = None
        if verdict is Verdict.INCONCLUSIVE:
            boundary = WELL_ABOVE if item.role is Role.EVIDENCE and auc > WELL_ABOVE else 0.5 + MARGIN
            n = needed(self.samples, auc, low, high, boundary)
        return Line(
            item.name,
            item.test,
            item.target,
            item.role,
            item.area.value,
            auc,
            low,
            high,
            standard_error(item.area, self.clusters),
            verdict,
            n,
            note,
            item.details,
        )
