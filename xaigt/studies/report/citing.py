"""References of a methods paragraph, taken from what explainers, metrics, arms and templates declare."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass, field

from xaigt.errors import XaigtError
from xaigt.explainers.registry import UNTRAINED, find_explainer
from xaigt.metrics.catalog import get

IDENTIFIER = re.compile(r"arXiv \d{4}\.\d{4,5}|doi[: ]\s?10\.\S+?(?=[\s;,)]|\.?$)")

# What xaigt.statistics and its page docs/explanation/statistics.md cite for each part of an analysis.
STATISTICS = {
    "dprime": "Hautus MJ. Behavior Research Methods 27:46-51, 1995 (rates of d'); Gourevitch V, Galanter E. "
    "Psychometrika 32:25-33, 1967 (its standard error).",
    "auc": "DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 44:837-845, 1988, doi 10.2307/2531595 "
    "(standard error of the AUC).",
    "simultaneous": "Hothorn T, Bretz F, Westfall P. Simultaneous inference in general parametric models. Biometrical "
    "Journal 50(3):346-363, 2008, doi 10.1002/bimj.200810425.",
    "sensitivity": "Cinelli C, Hazlett C. Journal of the Royal Statistical Society B 82:39-67, 2020 (sensitivity "
    "to a common cause).",
    "cr2": "Bell RM, McCaffrey DF. Survey Methodology 28:169-181, 2002; Pustejovsky JE, Tipton E. Journal of Business "
    "and Economic Statistics 36:672-683, 2018, doi 10.1080/07350015.2016.1247004 (cluster-robust errors, CR2).",
    "matched": "Oliveira M, Wilming R, Clark B, Budding C, Eitel F, Ritter K, Haufe S. Benchmarking the influence of "
    "pre-training on explanation performance in MR image classification. Frontiers in Artificial Intelligence "
    "7:1330919, 2024, doi 10.3389/frai.2024.1330919 (arXiv 2306.12150).",
}


@dataclass
class References:
    """A numbered list that grows as it is cited."""

    entries: list[str] = field(default_factory=list)

    def cite(self, *texts: str) -> str:
        """Return the mark of some references, such as `` [2, 5]``; "" for none."""
        numbers = []
        for text in filter(None, texts):
            if text not in self.entries:
                self.entries.append(text)
            numbers.append(self.entries.index(text) + 1)
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""


def explainer_source(name: str) -> str:
    """What an explainer's module says it was taken from; "" where it names no publication."""
    try:
        function = find_explainer(name.removeprefix(UNTRAINED)).function
    except XaigtError:
        return ""
    return published(inspect.getdoc(inspect.getmodule(function)) or "")


def metric_source(title: str) -> str:
    """Declared source of a metric, if it names a publication."""
    try:
        declared = get(title)
    except XaigtError:
        return ""
    return f"{declared.title}: {declared.source}." if IDENTIFIER.search(declared.source) else ""


def arm_source(name: str) -> str:
    """What an arm's module says it was made after; "" where it names no publication."""
    if not name.isidentifier():
        return ""
    try:
        module = importlib.import_module(f"xaigt.models.arms.{name}")
    except ImportError:
        return ""
    return published(inspect.getdoc(module) or "")


def published(text: str) -> str:
    """Sentence of a docstring that names an arXiv number or a DOI, on one line; "" if there is none."""
    for paragraph in text.split("\n\n"):
        line = " ".join(paragraph.split()).removeprefix("After ")
        found = IDENTIFIER.search(line)
        if found:
            end = line.find(")", found.end() - 1)
            return line[: end + 1].rstrip(".") + "." if end >= 0 else line
    return ""
