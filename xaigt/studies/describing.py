"""What the networks are like: accuracy, methods at all stages with their references, planted and used evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xaigt.studies.methods import REFERENCES, candidates, named
from xaigt.studies.section import Section

if TYPE_CHECKING:
    from xaigt.studies.material import Material


def accuracy(material: Material) -> Section:
    """How well the networks classify, on the half of the test split that is not scored."""
    cells = material.cells
    section = Section("accuracy", "How well the networks classify")
    for arm in material.order("arm"):
        own = cells[cells["arm"] == arm]
        parts = [
            f"{own.loc[own['depth'] == depth, 'auc'].mean():.3f} at depth {depth}"
            for depth in material.order("depth")
            if (own["depth"] == depth).any()
        ]
        section.sentences.append(f"{arm}: mean AUC {', '.join(parts)} ({len(own)} networks).")
    low, high = cells["auc"].min(), cells["auc"].max()
    section.sentences.append(
        f"AUC {low:.3f} to {high:.3f}, measured on {int(cells['n'].max())} test samples none of which is scored."
    )
    if (share := float((cells["auc"] > 0.98).mean())) > 0.25:
        section.sentences.append(
            f"{share:.0%} of the networks have an AUC above 0.98: where accuracy saturates there is little to correct "
            "for; lower contrast_to_noise."
        )
    return section


def stages(material: Material) -> Section:
    """Mean score of every method at every stage, beside chance and what is attainable there."""
    study = material.study
    table = material.everything[material.everything["metric"] == study.analysis.metric]
    section = Section("stages", "Methods at every stage")
    references = table[table["method"].isin(REFERENCES)]
    means = references.groupby(["method", "stage"], dropna=False)["value"].mean().reset_index()
    means = means.rename(columns={"method": "method_name"})
    chance = float(means.loc[means["method_name"] == "chance", "value"].mean())
    attainable = means[means["method_name"] == "attainable"].set_index("stage")["value"]
    own = table[~table["method"].isin(REFERENCES)]
    grouped = own.groupby(["network", "arm", "depth", "method", "stage"], sort=False)
    found = grouped.agg(value=("value", "mean"), networks=("network_id", "nunique")).reset_index()
    found = found.rename(columns={"method": "method_name"})
    found["chance"], found["attainable"] = chance, found["stage"].map(attainable)
    section.tables = {"stages": found, "references": means}
    best = found.groupby(["method_name", "stage"])["value"].mean()
    top = best.idxmax()
    section.sentences.append(
        f"Highest mean {study.analysis.metric} of any method and stage, baselines included: {top[0]} at {top[1]} "
        f"({best.max():.3f}); chance is {chance:.3f}."
    )
    for stage, value in attainable.items():
        section.sentences.append(f"At {stage} the truth itself, seen through the stage's grid, scores {value:.3f}.")
    return section


def planted_and_used(material: Material) -> Section:
    """Scores against what was planted and against what each network used."""
    section = Section("used", "Planted against used evidence")
    if material.used is None or not len(material.used):
        section.sentences.append("No lesions were replaced (explanation.effects is 0).")
        section.refused = True
        return section
    metric = material.study.analysis.metric
    used = material.used[material.used["metric"] == metric]
    if not len(used):
        section.sentences.append(f"explanation.used_metrics does not name {metric}.")
        section.refused = True
        return section
    table = named(used.rename(columns={"method_name": "method"}), material.study.analysis.stage)
    table = candidates(table, material.study)
    table = table.assign(share=table["lesions_used"] / table["lesions"].replace(0, np.nan))
    grouped = table.groupby(["arm", "depth", "method", "method_name", "stage"], sort=False)
    means = grouped[["planted", "used", "disagreement", "share"]].mean().reset_index()
    section.tables["used"] = means.rename(columns={"share": "lesions_used_share"})
    for arm in material.order("arm"):
        own = table[table["arm"] == arm]
        section.sentences.append(
            f"{arm}: networks used {own['share'].mean():.0%} of the planted lesions; mean {metric} is "
            f"{own['planted'].mean():.3f} against what was planted and {own['used'].mean():.3f} against what was used "
            f"({own['used'].isna().mean():.0%} of the maps have no used lesion to be scored against)."
        )
    return section
