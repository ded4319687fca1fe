"""The matched design and the jointly correct samples: the same contrast of arms on a selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xaigt.statistics import compare, matched_design
from xaigt.statistics import jointly_correct as joint
from xaigt.statistics.findings import StatisticsError
from xaigt.studies.section import Section
from xaigt.studies.wording import interval

if TYPE_CHECKING:
    import pandas

    from xaigt.studies.material import Material


def matched(material: Material) -> Section:
    """Compare the arms among networks of about one validation accuracy."""
    asked = material.study.analysis
    section = Section("matched", "Matched design: networks of about one accuracy", scope="matched networks: ")
    try:
        found = matched_design(material.cells, caliper=asked.caliper, factors=material.between or ["arm"])
    except StatisticsError as error:
        section.sentences.append(f"Not done: {error}.")
        section.refused = True
        return section
    section.sentences.append(found.sentence)
    section.tables["matched_cells"] = found.cells
    kept = material.scores[material.scores["network_id"].isin(found.networks["network_id"])]
    if "arm" not in material.between:
        section.sentences.append("There is one arm: nothing to compare.")
        return section
    try:
        result = compare(kept, factors=_crossed(material, kept), covariate=None, level=asked.level)
        table = result.contrasts("arm", analysis="total")
    except StatisticsError as error:
        section.sentences.append(f"The matched networks cannot be compared: {error}.")
        section.refused = True
        return section
    section.tables["matched_contrasts"] = table
    section.sentences += [f"{row['contrast']}, matched networks: {interval(row)}." for _, row in table.iterrows()]
    section.findings += list(result.findings)
    return section


def _crossed(material: Material, kept: pandas.DataFrame) -> list[str]:
    """Return the factors that the kept networks still cross in full; the arm alone where they do not."""
    between = [name for name in material.between if kept[name].nunique() > 1]
    cells = kept.drop_duplicates("network_id").groupby(between).size() if between else None
    whole = 1
    for name in between:
        whole *= kept[name].nunique()
    full = cells is not None and len(cells) == whole and cells.sum() > whole
    return [*(between if full else [name for name in between if name == "arm"]), "method"]


def jointly_correct(material: Material) -> Section:
    """Compare the arms on samples that every network classifies correctly."""
    section = Section("jointly_correct", "Jointly correct samples: those that every network gets right")
    if "arm" not in material.between:
        section.sentences.append("There is one arm: nothing to compare.")
        section.refused = True
        return section
    scores = material.scores.assign(correct=material.scores["correct"].astype(bool))
    try:
        found = joint(scores, "arm", factors=material.factors, level=material.study.analysis.level)
    except StatisticsError as error:
        section.sentences.append(f"Not done: {error}.")
        section.refused = True
        return section
    section.sentences.append(found.sentence)
    section.tables = {"jointly_correct": found.contrasts, "worst": found.worst}
    for _, row in found.contrasts.iterrows():
        section.sentences.append(f"{row['contrast']}, {row['samples']} samples: {interval(row)}.")
    return section
