"""The same grid on two kinds of data, side by side: what the published defects do to the conclusions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xaigt.studies.conclusions import Section
from xaigt.studies.configuration import LEGACY, MAIN, Study
from xaigt.studies.folder import StudyFolder
from xaigt.studies.wording import interval, verdict

if TYPE_CHECKING:
    import pandas

ANALYSES = ("total", "adjusted", "corrected")


def compare_variants(folder: StudyFolder, study: Study) -> Section:
    """Put the contrasts of both variants beside each other, and say where they disagree."""
    import pandas

    section = Section("comparison", "Data without and with the published defects")
    cells = folder.table("cells")
    found = {name: folder.analysis_table(name, "contrasts") for name in (MAIN, LEGACY)}
    for name in (MAIN, LEGACY):
        own = cells[cells["variant"] == name]
        if len(own):
            section.sentences.append(
                f"{_title(study, name)}: AUC {own['auc'].min():.3f} to {own['auc'].max():.3f}, mean "
                f"{own['auc'].mean():.3f} ({len(own)} networks)."
            )
    main, legacy = found[MAIN], found[LEGACY]
    if main is None or legacy is None:
        section.sentences.append("One of the two could not be analysed: there is nothing to put side by side.")
        return section
    both = pandas.concat([main.assign(variant=MAIN), legacy.assign(variant=LEGACY)], ignore_index=True)
    both = both[both["analysis"].isin(ANALYSES)]
    keys = ["variant", "question", "analysis", "contrast", "arm", "depth", "method"]
    section.tables["comparison"] = both[[*keys, "estimate", "low", "high", "p"]]
    for analysis in ANALYSES:
        section.sentences += _changed(study, main, legacy, analysis)
    section.sentences.append(_ranks(folder, study))
    return section


def _title(study: Study, variant: str) -> str:
    return study.data.legacy_recipe if variant == LEGACY else study.data.recipe


def _changed(study: Study, main: pandas.DataFrame, legacy: pandas.DataFrame, analysis: str) -> list[str]:
    rows = []
    for table in (main, legacy):
        own = table[(table["question"] == "arm") & (table["analysis"] == analysis)]
        rows.append(own.set_index("contrast"))
    words = []
    for name in rows[0].index.intersection(rows[1].index):
        here, there = rows[0].loc[name], rows[1].loc[name]
        same = verdict(here) == verdict(there)
        words.append(
            f"{name}, {analysis}: {interval(here)} on {_title(study, MAIN)}, {interval(there)} on "
            f"{_title(study, LEGACY)}: the conclusion {'is the same' if same else 'differs'}."
        )
    return words


def _ranks(folder: StudyFolder, study: Study) -> str:
    """Say how far the ranking of the methods agrees."""
    means = []
    for name in (MAIN, LEGACY):
        table = folder.analysis_table(name, "points")
        if table is None:
            return "The methods of one variant were not scored: their rankings cannot be compared."
        means.append(table.groupby("method")["value"].mean())
    shared = means[0].index.intersection(means[1].index)
    rho = means[0][shared].corr(means[1][shared], method="spearman")
    return (
        f"The rankings of the {len(shared)} methods by mean {study.analysis.metric} agree with a Spearman correlation "
        f"of {rho:.2f}; the best is {means[0].idxmax()} on {_title(study, MAIN)} and {means[1].idxmax()} on "
        f"{_title(study, LEGACY)}."
    )
