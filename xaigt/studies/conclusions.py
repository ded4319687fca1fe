"""The analysis of a study: total effect first, then corrected, matched and selected, and what changed between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xaigt.dataset.files import write_json
from xaigt.statistics.findings import Finding
from xaigt.studies.configuration import Study
from xaigt.studies.folder import ANALYSIS, FORMAT_VERSION, StudyFolder, write_table
from xaigt.studies.section import Section


def write(folder: StudyFolder, study: Study, update: Callable[[int, int], None]) -> None:
    """Analyse every variant, and compare them where there are two; write ``analysis/``."""
    from xaigt.studies.comparing_variants import compare_variants

    for number, variant in enumerate(study.variants):
        _variant(folder, study, variant)
        update(number + 1, len(study.variants))
    if len(study.variants) > 1:
        section = compare_variants(folder, study)
        write_json(folder.path / ANALYSIS / "comparison.json", {"sentences": section.sentences})
        for name, table in section.tables.items():
            write_table(folder.path / ANALYSIS / f"{name}.parquet", table)


def _variant(folder: StudyFolder, study: Study, variant: str) -> None:
    from xaigt.studies import describing, selecting
    from xaigt.studies.effects_of_arms import analyse
    from xaigt.studies.material import material_of

    target = folder.path / ANALYSIS / variant
    material = material_of(folder, study, variant)
    if material is None:
        target.mkdir(parents=True, exist_ok=True)
        write_json(target / "analysis.json", _empty(variant, study))
        return
    outcome = analyse(material)
    sections = [
        describing.accuracy(material), *outcome.sections, selecting.matched(material),
        selecting.jointly_correct(material), outcome.changes(), describing.planted_and_used(material),
        describing.stages(material), outcome.metrics(),
    ]  # fmt: skip
    for section in sections:
        for name, table in section.tables.items():
            write_table(target / f"{name}.parquet", table)
    write_json(target / "analysis.json", _described(material, outcome, sections))


def noticed(sections: list[Section]) -> list[Finding]:
    """Findings of all sections, none twice; one of a part of the study says of which, unless it holds of the whole."""
    found: dict[str, Finding] = {}
    for section in sections:
        for finding in section.findings:
            sentence = section.scope + finding.sentence
            if finding.sentence not in found and sentence not in found:
                found[sentence] = replace(finding, sentence=sentence)
    return list(found.values())


def _described(material: Any, outcome: Any, sections: list[Section]) -> dict[str, Any]:
    study = material.study
    return {
        "format_version": FORMAT_VERSION, "variant": material.variant, "metric": study.analysis.metric,
        "covariate": study.analysis.covariate, "level": study.analysis.level, "at": outcome.at,
        "networks": len(material.cells), "samples": int(material.scores["sample"].nunique()),
        "methods": sorted(material.scores["method"].unique()), "arms": material.order("arm"),
        "depths": material.order("depth"), "networks_kinds": material.order("network"),
        "summary": outcome.summary(),
        "sections": [
            {
                "id": section.name, "title": section.title, "sentences": section.sentences,
                "tables": [f"{name}.parquet" for name in section.tables],
            }
            for section in sections
        ],
        "findings": [
            {"code": found.code, "level": found.level, "sentence": found.sentence} for found in noticed(sections)
        ],
        "assumptions": outcome.assumptions,
        "refused": [
            {"id": section.name, "sentence": " ".join(section.sentences)} for section in sections if section.refused
        ],
    }  # fmt: skip


def _empty(variant: str, study: Study) -> dict[str, Any]:
    sentence = "No network of this variant is finished: there is nothing to compare yet."
    return {
        "format_version": FORMAT_VERSION, "variant": variant, "metric": study.analysis.metric,
        "covariate": study.analysis.covariate, "level": study.analysis.level, "at": None, "networks": 0, "samples": 0,
        "methods": [], "arms": [], "depths": [], "networks_kinds": [], "summary": [sentence], "sections": [],
        "findings": [], "assumptions": [], "refused": [{"id": "all", "sentence": sentence}],
    }  # fmt: skip
