"""The same grid on two kinds of data, side by side: what the published defects do to the conclusions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xaigt.studies.configuration import MAIN, Study
from xaigt.studies.folder import StudyFolder
from xaigt.studies.section import Section
from xaigt.studies.wording import interval, verdict

if TYPE_CHECKING:
    import pandas

ANALYSES = ("total", "adjusted", "corrected")


def compare_variants(folder: StudyFolder, study: Study) -> Section:
    """Put the contrasts of every variant beside those of the first, and say where they disagree."""
    import pandas

    section = Section("comparison", "Variants of the data and the training, side by side")
    cells = folder.table("cells")
    found = {}
    for name in study.variants:
        own = cells[cells["variant"] == name]
        table = folder.analysis_table(name, "contrasts")
        if len(own):
            section.sentences.append(
                f"{study.title_of(name)}: AUC {own['auc'].min():.3f} to {own['auc'].max():.3f}, mean "
                f"{own['auc'].mean():.3f} ({len(own)} networks)."
            )
        if table is None:
            section.sentences.append(f"{study.title_of(name)} could not be analysed.")
        else:
            found[name] = table.assign(variant=name)
    if MAIN not in found or len(found) < 2:
        return section
    both = pandas.concat(found.values(), ignore_index=True)
    both = both[both["analysis"].isin(ANALYSES)]
    keys = ["variant", "question", "analysis", "contrast", "arm", "depth", "method"]
    section.tables["comparison"] = both[[*keys, "estimate", "low", "high", "p"]]
    for name in list(found)[1:]:
        for analysis in ANALYSES:
            section.sentences += _changed(study, name, found[MAIN], found[name], analysis)
        section.sentences.append(_ranks(folder, study, name))
    return section


def _changed(study: Study, name: str, main: pandas.DataFrame, legacy: pandas.DataFrame, analysis: str) -> list[str]:
    rows = []
    for table in (main, legacy):
        own = table[(table["question"] == "arm") & (table["analysis"] == analysis)]
        rows.append(own.set_index("contrast"))
    words = []
    for contrast in rows[0].index.intersection(rows[1].index):
        here, there = rows[0].loc[contrast], rows[1].loc[contrast]
        same = verdict(here) == verdict(there)
        words.append(
            f"{contrast}, {analysis}: {interval(here)} on {study.title_of(MAIN)}, {interval(there)} on "
            f"{study.title_of(name)}: the conclusion {'is the same' if same else 'differs'}."
        )
    return words


def _ranks(folder: StudyFolder, study: Study, other: str) -> str:
    """Say how far the ranking of the methods agrees."""
    means = []
    for name in (MAIN, other):
        table = folder.analysis_table(name, "points")
        if table is None:
            return "The methods of one variant were not scored: their rankings cannot be compared."
        means.append(table.groupby("method")["value"].mean())
    shared = means[0].index.intersection(means[1].index)
    rho = means[0][shared].corr(means[1][shared], method="spearman")
    return (
        f"The rankings of the {len(shared)} methods by mean {study.analysis.metric} agree with a Spearman correlation "
        f"of {rho:.2f}; the best is {means[0].idxmax()} on {study.title_of(MAIN)} and {means[1].idxmax()} on "
        f"{study.title_of(other)}."
    )
