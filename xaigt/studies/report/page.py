"""The page: the sections of each variant, then those of the study. The words come from the analysis and the figures."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from xaigt.studies.report import methods, tables
from xaigt.studies.report.sections import Group, Section, Writer
from xaigt.studies.report.source import Source, View
from xaigt.studies.report.templates import asset, template


def page(source: Source, folder: Path) -> str:
    """Write the figures into `folder` and return the text of the page."""
    variants = source.variants
    parts = [
        Writer(View(source, name), folder, "" if number == 0 else f"{name}-").part()
        for number, name in enumerate(variants)
    ]
    sections = [section for section in (_comparison(source), _configuration(source), _origin(source)) if section]
    done, first = source.description.get("cells", {}), View(source, variants[0])
    datasets = source.description.get("datasets", {}).get(variants[0]) or [{}]
    lead = (
        f"{source.folder.path.resolve().name}: {done.get('finished', 0)} of {done.get('total', 0)} networks, arms "
        f"{methods.listed(first.arms)}, depths "
        f"{methods.listed(first.depths)}; state: {source.description.get('state', 'unknown')}; xaigt "
        f"{source.description.get('xaigt', '')}."
    )
    return template("page.html").render(
        title=f"{source.description.get('kind', 'a').capitalize()} study on {datasets[0].get('recipe', 'a dataset')}",
        lead=lead, parts=parts, sections=sections, contents=[(section.id, section.title) for section in sections],
        style=Markup(asset("page.css")), script=Markup(asset("page.js")),
    )  # fmt: skip


def _comparison(source: Source) -> Section | None:
    if len(source.variants) < 2:
        return None
    said = source.comparison or ["The variants are not compared yet."]
    return Section("comparison", f"Side by side: {methods.listed(source.variants)}", groups=[Group("", said)])


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
    section.text = ["Every number can be traced: tables/ and analysis/ hold Parquet, and xaigt study query asks it."]
    return section
