"""The page: the sections of each variant, then those of the study. The words come from the analysis and the figures."""

from __future__ import annotations

import itertools
from pathlib import Path

from markupsafe import Markup

from xaigt.studies.progress import Update
from xaigt.studies.report import estimates, methods, tables
from xaigt.studies.report.parts import Group, Section, figure
from xaigt.studies.report.sections import Writer, said
from xaigt.studies.report.source import Source, View
from xaigt.studies.report.templates import asset, template


def page(source: Source, folder: Path, update: Update) -> str:
    """Write the figures into `folder` and return the text of the page; `update` is told of each section."""
    variants = source.variants
    writers = [
        Writer(View(source, name), folder, "" if number == 0 else f"{name}-") for number, name in enumerate(variants)
    ]
    wanted = sum(len(writer.makers()) for writer in writers)
    count = itertools.count(1)
    parts = [writer.part(lambda: update(next(count), wanted)) for writer in writers]
    sections = [
        section for section in (_comparison(source, folder), _configuration(source), _origin(source)) if section
    ]
    kind = str(source.description.get("kind", "a"))
    datasets = source.description.get("datasets", {}).get(variants[0]) or [{}]
    return template("page.html").render(
        title=f"{kind.capitalize()} study on {datasets[0].get('recipe') or 'a dataset'}", lead=QUESTIONS.get(kind, ""),
        glance=_glance(source, View(source, variants[0])), parts=parts, sections=sections,
        contents=[(section.id, section.title) for section in sections],
        style=Markup(asset("page.css")), script=Markup(asset("page.js")),
    )  # fmt: skip


QUESTIONS = {
    "pretraining": "Do pre-training, and how deep it is fine-tuned, make explanations better, or only classifiers? "
    "Lesions were planted into real anatomy, so where the evidence lies is known."
}


def _glance(source: Source, view: View) -> list[tuple[str, str]]:
    """The study in a few words, for the head of the page."""
    known, cells = source.description, view.cells
    done = known.get("cells", {})
    state = "" if known.get("state") == "finished" else f" ({known.get('state', 'unknown')})"
    facts = [
        ("networks", f"{done.get('finished', 0)} of {done.get('total', 0)}{state}"),
        ("arms", methods.listed(view.arms)),
        ("depths", methods.listed(view.depths)),
        ("seeds", methods.listed(source.configuration["grid"]["seeds"])),
    ]
    if len(cells) and cells["auc"].notna().any():
        facts.append(("AUC", f"{cells['auc'].min():.2f} to {cells['auc'].max():.2f}"))
    if known.get("scored", {}).get(view.variant) is not None:
        facts.append(("samples explained", str(known["scored"][view.variant])))
    facts.append(("score", view.metric))
    wall = (known.get("seconds") or {}).get("wall")
    where = known.get("gpu") or f"{known.get('cpus', '?')} CPUs"
    facts.append(("run", where if wall is None else f"{tables.duration(wall)} on {where}"))
    return facts


def _comparison(source: Source, folder: Path) -> Section | None:
    if len(source.variants) < 2:
        return None
    told = [said(sentence) for sentence in source.comparison] or ["The variants are not compared yet."]
    section = Section("comparison", f"Side by side: {methods.listed(source.variants)}", groups=[Group("", told)])
    drawing = estimates.comparison(source)
    if drawing is not None:
        section.figures = [figure(drawing, folder)]
    return section


def _configuration(source: Source) -> Section:
    import yaml

    content = yaml.safe_dump(source.configuration, sort_keys=False, allow_unicode=True, width=90)
    section = Section("configuration", "Configuration")
    section.text = [
        "A copy of study.yaml is a configuration to be run again: xaigt study pretraining --config study.yaml."
    ]
    section.listing = {"title": "study.yaml", "text": content}
    return section


def _origin(source: Source) -> Section:
    section = Section("origin", "Versions, seeds, checksums and time spent")
    time = tables.time_spent(source.description)
    lost = tables.failed(source)
    section.tables = [table for table in (lost, time, *tables.origin(source.description)) if table]
    traced = (
        "Every number can be traced: tables/ and analysis/ hold Parquet, xaigt study query DIR SQL asks it, and under "
        "every figure stands the query that gives its numbers. DIR is the folder of the study. What each column is: "
        "docs/reference/study-columns.md of xaigt."
    )
    section.text = [traced]
    return section
