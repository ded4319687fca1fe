"""Arms, depths and methods compared: total effect, effect at equal accuracy, the same corrected, and the naive test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xaigt.statistics.findings import StatisticsError
from xaigt.studies.comparing_networks import CLUSTERED, compared, contrasts_of
from xaigt.studies.material import Material
from xaigt.studies.outcome import Outcome
from xaigt.studies.section import Section
from xaigt.studies.wording import interval

if TYPE_CHECKING:
    import pandas

    from xaigt.statistics import Comparison


def analyse(material: Material) -> Outcome:
    """Compare everything that the networks of a variant allow."""
    try:
        comparison, reason = compared(material, material.scores)
    except StatisticsError as error:
        reason = f"The networks cannot be compared: {error}."
        refused = Section("total", "Total effect", [reason], refused=True)
        return Outcome(material, None, reason, None, [refused])
    contrasts = contrasts_of(material, comparison)
    outcome = Outcome(material, comparison, reason, contrasts, [])
    outcome.sections.extend(
        [_total(outcome, comparison), _adjusted(outcome, comparison), _sensitivity(material, comparison)]
    )
    outcome.sections.extend(_asked(outcome, factor) for factor in ("depth", "method"))
    return outcome


def _total(outcome: Outcome, comparison: Comparison) -> Section:
    section = Section("total", "Total effect: networks as they were trained", findings=list(comparison.findings))
    # As the contrasts, means are averaged over architectures where there are several.
    apart = [name for name in comparison.factors if name != "network"]
    flat = [name for name in apart if name != "depth"]
    means = [_means(comparison, apart, name, outcome.material) for name in comparison.analyses]
    margins = [_means(comparison, flat, name, outcome.material) for name in comparison.analyses]
    import pandas

    section.tables = {
        "means": pandas.concat(means, ignore_index=True), "marginal": pandas.concat(margins, ignore_index=True),
        "points": _points(outcome.material), "overlap": comparison.overlap,
    }  # fmt: skip
    if outcome.contrasts is not None and len(outcome.contrasts):
        section.tables["contrasts"] = outcome.contrasts
    try:
        section.tables["components"] = comparison.components.table
    except StatisticsError as error:
        section.sentences.append(f"Variance components: not estimated ({error}).")
    for question in ("arm", "arm by depth"):
        for _, row in outcome.of(question, "total").iterrows():
            where = f" at depth {row['depth']}" if question == "arm by depth" else ""
            section.sentences.append(f"{row['contrast']}{where}: {interval(row)}.")
    for _, row in outcome.of("arm", CLUSTERED).iterrows():
        section.sentences.append(
            f"{row['contrast']}, with pre-training runs (or random starts) as clusters: {interval(row)}, "
            f"{row['df']:.1f} degrees of freedom."
        )
    if not len(outcome.of("arm", "total")):
        section.sentences.append("There is one arm: no difference of arms.")
    return section


def _means(comparison: Comparison, over: Any, analysis: str, material: Material) -> pandas.DataFrame:
    table = comparison.means(list(over), analysis).assign(analysis=analysis)
    for name in ("arm", "depth"):
        if (name not in table and name in ("arm",)) or (name not in table and len(material.order(name)) == 1):
            table[name] = material.order(name)[0]
    names = material.scores.drop_duplicates("method").set_index("method")
    return table.assign(
        method_name=table["method"].map(names["method_name"]), stage=table["method"].map(names["stage"])
    )


def _points(material: Material) -> pandas.DataFrame:
    keys = ["network_id", "method", "method_name", "stage"]
    means = material.scores.groupby(keys, as_index=False)["value"].mean()
    kept = [
        "cell", "network_id", "arm", "depth", "network", "seed", "dprime", "dprime_se", "auc", "auc_se", "accuracy"
    ]  # fmt: skip
    return means.merge(material.cells[kept], on="network_id")


def _adjusted(outcome: Outcome, comparison: Comparison) -> Section:
    covariate = comparison.covariate or outcome.material.study.analysis.covariate
    section = Section("adjusted", f"Corrected effect: at equal {covariate}")
    if "adjusted" not in comparison.fits:
        section.refused = True
        section.sentences += [found.sentence for found in comparison.findings if found.code == "no_adjusted"]
        section.sentences += [outcome.reason] if outcome.reason else []
        return section
    section.tables["lines"] = _lines(outcome.material, comparison)
    try:
        section.tables["correlations"] = comparison.correlations()
    except StatisticsError as error:
        section.sentences.append(f"Correlations with {covariate}: not estimated ({error}).")
    best = "corrected" if "corrected" in comparison.fits else "adjusted"
    for question in ("arm", "arm by depth"):
        for _, row in outcome.of(question, best).iterrows():
            where = f" at depth {row['depth']}" if question == "arm by depth" else ""
            section.sentences.append(f"{row['contrast']}{where}, {covariate} = {comparison.at:.2f}: {interval(row)}.")
    section.sentences.append(
        f"{covariate} was measured on samples that were not scored"
        + ("; its error of measurement is taken out." if best == "corrected" else ".")
    )
    return section


def _lines(material: Material, comparison: Comparison) -> pandas.DataFrame:
    """Two points of the fitted line of each arm, depth and method, inside the range of their networks."""
    import pandas

    covariate = str(comparison.covariate)
    held = [name for name in ("arm", "depth", "network") if name in comparison.factors]
    parts = []
    ranges = material.cells.groupby(held)[covariate].agg(["min", "max"]) if held else None
    values = sorted(set(ranges.to_numpy().ravel())) if ranges is not None else []
    for value in values:
        table = replace(comparison, at=float(value)).means(None, "adjusted")
        for key, row in ranges.iterrows() if ranges is not None else ():
            if value not in (row["min"], row["max"]):
                continue
            names = key if isinstance(key, tuple) else (key,)
            chosen = table
            for name, level in zip(held, names, strict=True):
                chosen = chosen[chosen[name] == level]
            parts.append(chosen.assign(**{covariate: value}))
    if not parts:
        return pandas.DataFrame(columns=["arm", "depth", "method", covariate, "estimate"])
    table = pandas.concat(parts, ignore_index=True)
    for name in ("arm", "depth"):
        if name not in table:
            table[name] = material.order(name)[0]
    return table[[*(name for name in ("arm", "depth", "network", "method") if name in table), covariate, "estimate"]]


def _sensitivity(material: Material, comparison: Comparison) -> Section:
    section = Section("sensitivity", "Sensitivity: what an unmeasured common cause could do")
    if "arm" not in material.between:
        section.sentences.append("There is one arm: nothing to explain away.")
        section.refused = True
        return section
    try:
        table = comparison.sensitivity("arm")
    except StatisticsError as error:
        section.sentences.append(f"Not done: {error}.")
        section.refused = True
        return section
    section.tables["sensitivity"] = table
    for _, row in table.iterrows():
        section.sentences.append(
            f"{row['contrast']}: a cause of both {comparison.covariate} and the score that was not measured must "
            f"explain {row['r2_zero']:.0%} of the variance of each to bring the adjusted difference to zero."
        )
    return section


def _asked(outcome: Outcome, factor: str) -> Section:
    titles = {"depth": ("depth", "Depth"), "method": ("methods", "Methods")}
    name, title = titles[factor]
    section = Section(name, title)
    found = outcome.of(factor, "total")
    if not len(found):
        section.sentences.append(f"There is one {factor}: nothing to compare.")
        section.refused = True
        return section
    clear = found[found["p_holm"] < 1 - outcome.material.study.analysis.level]
    section.sentences.append(
        f"{len(clear)} of {len(found)} differences between {'depths' if factor == 'depth' else 'methods'} (averaged "
        "over the rest) are told apart from zero after Holm's correction; all are in contrasts.parquet."
    )
    for _, row in found.reindex(found["estimate"].abs().sort_values(ascending=False).index).head(3).iterrows():
        section.sentences.append(f"{row['contrast']}: {interval(row)}.")
    if factor == "method":
        section.sentences.append("Differences of methods speak about these samples.")
    return section
