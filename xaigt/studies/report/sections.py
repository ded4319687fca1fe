"""The sections of one variant of a study: which there are, and what stands in each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from xaigt.dataset.files import replace as put
from xaigt.studies.report import estimates, evidence, figures, gallery, methods, style, tables
from xaigt.studies.report.parts import Group, Part, Section, command, figure
from xaigt.studies.report.plate import plate
from xaigt.studies.report.source import View
from xaigt.studies.report.tables import Table
from xaigt.studies.report.templates import template

# Findings of xaigt.statistics end with the argument of the function that would help: no reader of a page calls it.
_OPTION = re.compile(r"(; |: to say [^:.;]*, )pass \w+='\w+'")


@dataclass
class Writer:
    """Writes the sections of one variant, and their figures.

    Attributes
    ----------
    view
        The variant.
    folder
        Of the report.
    prefix
        Before names of files and sections of variants after the first.
    """

    view: View
    folder: Path
    prefix: str

    def makers(self) -> list[Callable[[], Section]]:
        """What makes each section, in the order of the page."""
        shown = self._section
        contrasted = ["changes", "matched", "jointly_correct", "depth", "methods"]
        return [
            self._summary,
            self._networks,
            partial(shown, "scores", "Scores by method, arm and depth", figures.scores, ["total"]),
            partial(shown, "accuracy", "Score against accuracy", figures.accuracy, ["accuracy", "adjusted"]),
            partial(shown, "means", "Adjusted means", estimates.means, ["sensitivity"]),
            partial(shown, "contrasts", "Contrasts, drawn and in words", estimates.contrasts, contrasted),
            partial(shown, "used", "Planted against used evidence", evidence.used, ["used"]),
            partial(shown, "stages", "Methods by stages", evidence.stages, ["stages"]),
            self._gallery,
            self._metrics,
            self._findings,
            self._methods,
        ]

    def part(self, done: Callable[[], None] = lambda: None) -> Part:
        """Return all sections; `done` is called after each."""
        view, sections = self.view, []
        for make in self.makers():
            sections.append(make())
            done()
        told = {name for names in _TOLD.values() for name in names}
        others = [s for s in view.analysis.get("sections", ()) if s["id"] not in told]
        place = next(section for section in sections if section.id == f"{self.prefix}contrasts")
        place.groups += self._groups([found["id"] for found in others])
        title = view.source.folder.study.title_of(view.variant)
        return Part(f"{view.variant} ({title})", self.prefix, sections)

    def _section(
        self, name: str, title: str, draw: Callable[[View], style.Drawing | None], told: Sequence[str]
    ) -> Section:
        drawing = draw(self.view)
        section = Section(f"{self.prefix}{name}", title, groups=self._groups(told))
        if drawing is None:
            section.text = [_missing(self.view, title)]
        else:
            section.figures = [figure(drawing, self.folder, self.prefix)]
        return section

    def _groups(self, names: Sequence[str]) -> list[Group]:
        found = [self.view.section(name) for name in names]
        return [Group(said(section["title"]), list(map(said, section["sentences"]))) for section in found if section]

    def _summary(self) -> Section:
        source, view = self.view.source, self.view
        told = [said(sentence) for sentence in view.analysis.get("summary", ())] or [
            "This study is not analysed yet: there is nothing to conclude from it."
        ]
        known = [*source.description.get("caveats", ()), *(source.configuration["caveats"])]
        done = source.description.get("cells", {})
        if done.get("finished", 0) < done.get("total", 0):
            known.append(
                f"The study is not complete: {done.get('finished', 0)} of {done['total']} networks are finished, "
                f"{done.get('failed', 0)} failed. What is said here is said of the finished ones."
            )
        if len(view.arms) == 1:
            known.append(f"There is one arm ({view.arms[0]}): arms are not compared.")
        known += [self._refused(found) for found in view.analysis.get("refused", ())]
        return Section(f"{self.prefix}summary", "What was found", told, True, list(dict.fromkeys(map(str, known))))

    def _refused(self, found: dict[str, str]) -> str:
        """What could not be done, under the name of its section."""
        title = self.view.section(found["id"]).get("title", "")
        return said(f"{title}. {found['sentence']}" if title else found["sentence"])

    def _networks(self) -> Section:
        section = self._section("training", "Networks and their training", evidence.training, [])
        section.tables = [table for table in (tables.networks(self.view), tables.cells(self.view)) if table]
        return section

    def _gallery(self) -> Section:
        shown = gallery.collect(self.view)
        section = Section(f"{self.prefix}gallery", "Gallery of maps", list(shown["notes"]))
        drawing = plate(self.view, shown)
        if drawing is None:
            return section
        style.write(replace(drawing, name=f"{self.prefix}gallery"), self.folder)
        section.text = [
            (
                "The best, the median and the worst sample by the mean score over all networks and methods: the same "
                "samples for every method. White: the true outline. Choose a method and a stage; the keyboard will do."
            ),
            *shown["notes"],
        ]
        signs = gallery.signs_of(self.view)
        columns = max(cell["column"] for cell in shown["cells"])
        data = {name: shown[name] for name in ("methods", "opens", "maps", "scores")} | {
            "metric": self.view.metric,
            "signs": signs,
        }
        # "<" cannot end the script element inside a string of JSON.
        content = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        first = next(
            (name for name, stages in shown["methods"].items() if len(stages) > 1), next(iter(shown["methods"]))
        )
        section.gallery = Markup(
            template("gallery.html").render(
                prefix=self.prefix, methods=list(shown["methods"]), first=first, samples=shown["samples"],
                cells=shown["cells"], metric=self.view.metric, data=Markup(content), name=f"{self.prefix}gallery",
                columns=columns, command=command(drawing.query),
            )
        )  # fmt: skip
        return section

    def _metrics(self) -> Section:
        section = Section(f"{self.prefix}metrics", "All metrics", groups=self._groups(["metrics"]))
        table = self.view.analysed("metrics")
        if len(table):
            put(self.folder / f"{self.prefix}metrics.csv", table.to_csv(index=False, lineterminator="\n").encode())
            caption = "The arm contrast of every metric, averaged over depths and methods (metrics.csv)."
            section.tables.append(tables.of_frame(table, caption, closed=True))
        means = _means_by_metric(self.view)
        if means is not None:
            section.tables.append(means)
        if not section.tables and not section.groups:
            section.text = [_missing(self.view, "All metrics")]
        return section

    def _findings(self) -> Section:
        view = self.view
        grouped = {"refused": "Refused", "warning": "Warnings", "note": "Notes"}
        found = view.analysis.get("findings", ())
        groups = [
            Group(title, [self._finding(f) for f in found if f["level"] == level])
            for level, title in grouped.items()
            if any(f["level"] == level for f in found)
        ]
        if view.analysis.get("assumptions"):
            groups.append(
                Group("What must hold", [said(_OPTION.sub("", text)) for text in view.analysis["assumptions"]])
            )
        none = [] if groups else ["Nothing was noticed, or nothing is analysed yet."]
        return Section(f"{self.prefix}findings", "Findings and assumptions", none, groups=groups)

    def _finding(self, found: dict[str, Any]) -> str:
        """Sentence of a finding; what it tells the caller of a function is told the reader of a page."""
        told = _OPTION.sub("", found["sentence"])
        table = self.view.analysed("contrasts")
        if found["code"] == "shared_pretraining" and len(table) and (table["analysis"] == "clustered").any():
            told = told.rstrip(". ") + "; the contrasts that take those runs as clusters stand beside the others."
        return said(_sentence(told))

    def _methods(self) -> Section:
        written = methods.paragraph(self.view)
        name = f"{self.prefix}methods.md"
        lines = [written.text, "", *(f"[{n}] {entry}" for n, entry in enumerate(written.references, 1))]
        lines += ["", "To be known before it is used:", "", *(f"- {note}" for note in written.notes), ""]
        put(self.folder / name, "\n".join(lines).encode())
        section = Section(f"{self.prefix}methods", "Methods, to be pasted into a paper")
        section.methods = {"text": written.text, "references": written.references, "notes": written.notes, "file": name}
        return section


_TOLD = {
    "scores": ["total"],
    "accuracy": ["accuracy", "adjusted"],
    "means": ["sensitivity"],
    "contrasts": ["changes", "matched", "jointly_correct", "depth", "methods"],
    "used": ["used"],
    "stages": ["stages"],
    "metrics": ["metrics"],
}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def said(sentence: str) -> str:
    """A sentence of the analysis as it stands on the page: d' has its sign, and functions are sections."""
    return re.sub(r"\bdprime\b", "d′", sentence).replace("see sensitivity()", "see the sensitivity above")


def _missing(view: View, title: str) -> str:
    if not view.analysis:
        return f"{title}: the study is not analysed yet."
    return f"{title}: this study has no numbers for it."


def _means_by_metric(view: View) -> Table | None:
    """Mean of every metric by method and stage, the references among them."""
    table = view.table("scores")
    if not len(table):
        return None
    named = table.assign(stage=table["stage"].fillna(""))
    mean = named.groupby(["method", "stage", "metric"], sort=False)["value"].mean().unstack("metric").reset_index()
    mean.columns.name = None
    return tables.of_frame(mean, "Means over all networks and samples.", 200, closed=True)
