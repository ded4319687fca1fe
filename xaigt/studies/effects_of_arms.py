"""Arms, depths and methods compared: total effect, effect at equal accuracy, the same corrected, and the naive test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xaigt.statistics import compare
from xaigt.statistics.findings import StatisticsError
from xaigt.studies.material import Material
from xaigt.studies.section import Section
from xaigt.studies.wording import change_of, interval, listed_methods

if TYPE_CHECKING:
    import pandas

    from xaigt.statistics import Comparison

# (question, factor, at whose levels, kind)
QUESTIONS: tuple[tuple[str, str, tuple[str, ...], Any], ...] = (
    ("arm", "arm", (), "pairs"),
    ("arm by depth", "arm", ("depth",), "pairs"),
    ("arm by method", "arm", ("method",), "pairs"),
    ("depth", "depth", (), "pairs"),
    ("depth by arm", "depth", ("arm",), "pairs"),
    ("method", "method", (), "pairs"),
)
CLUSTERED = "clustered"


@dataclass(frozen=True)
class Outcome:
    """The comparison of a variant, in tables and sections; `comparison` is None where none could be made."""

    material: Material
    comparison: Comparison | None
    reason: str
    contrasts: pandas.DataFrame | None
    sections: list[Section]

    @property
    def at(self) -> float | None:
        """The common value of the covariate."""
        return None if self.comparison is None else self.comparison.at

    @property
    def assumptions(self) -> list[str]:
        """What must hold for each analysis."""
        return [] if self.comparison is None else list(self.comparison.assumptions)

    def of(self, question: str, analysis: str) -> pandas.DataFrame:
        """Contrasts of a question in one analysis; empty where there are none."""
        import pandas

        if self.contrasts is None:
            return pandas.DataFrame()
        table = self.contrasts
        return table[(table["question"] == question) & (table["analysis"] == analysis)]

    def changes(self) -> Section:
        """Say what each way of looking changed for each pair of arms."""
        section = Section("changes", "What changed between the analyses")
        if not len(self.of("arm", "total")):
            section.sentences.append(self.reason or "There is one arm: nothing to compare.")
            section.refused = True
            return section
        for name in self.of("arm", "total")["contrast"]:
            section.sentences.append(change_of(name, self))
        return section

    def summary(self) -> list[str]:
        """Return the study in a few sentences."""
        cells, metric = self.material.cells, self.material.study.analysis.metric
        means = self.material.scores.groupby("method")["value"].mean().sort_values(ascending=False)
        arms, depths = (listed_methods(self.material.order(name)) for name in ("arm", "depth"))
        first = (
            f"{len(cells)} networks ({arms}; depths {depths}) reached an AUC of {cells['auc'].min():.2f} to "
            f"{cells['auc'].max():.2f} on samples that were not scored; {self.material.scores['sample'].nunique()} "
            f"other samples were explained by {len(means)} methods."
        )
        second = (
            f"Highest mean {metric}: {means.index[0]} ({means.iloc[0]:.3f}); lowest: {means.index[-1]} "
            f"({means.iloc[-1]:.3f}). {self._chance()}"
        )
        words = [first, second]
        if len(self.of("arm", "total")):
            return words + self.changes().sentences
        return [*words, self.reason] if self.reason else words

    def _chance(self) -> str:
        table = self.material.everything
        own = table[(table["metric"] == self.material.study.analysis.metric) & (table["method"] == "chance")]
        return f"Chance is {own['value'].mean():.3f}." if len(own) else ""

    def metrics(self) -> Section:
        """Compare the arms in every metric."""
        import pandas

        section = Section("metrics", "The same contrast of arms in every metric")
        if "arm" not in self.material.between:
            section.sentences.append("There is one arm: nothing to compare.")
            section.refused = True
            return section
        parts = []
        for metric in dict.fromkeys(self.material.everything["metric"]):
            try:
                found, _ = _possible(self.material, self.material.of_metric(str(metric)))
                parts.append(found.side_by_side("arm").assign(metric=metric))
            except StatisticsError as error:
                section.sentences.append(f"{metric}: not compared ({error}).")
        if parts:
            table = pandas.concat(parts, ignore_index=True)
            section.tables["metrics"] = table[["metric", *(name for name in table if name != "metric")]]
            total = table[table["analysis"] == "total"]
            for name, rows in total.groupby("contrast", sort=False):
                up, down = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
                section.sentences.append(
                    f"{name}, total effect: of {len(rows)} metrics {up} are higher and {down} lower with an interval "
                    f"that leaves out zero; {len(rows) - up - down} are not told apart from zero."
                )
        return section


def analyse(material: Material) -> Outcome:
    """Compare everything that the networks of a variant allow."""
    try:
        comparison, reason = _possible(material, material.scores)
    except StatisticsError as error:
        reason = f"The networks cannot be compared: {error}."
        refused = Section("total", "Total effect", [reason], refused=True)
        return Outcome(material, None, reason, None, [refused])
    contrasts = _contrasts(material, comparison)
    outcome = Outcome(material, comparison, reason, contrasts, [])
    outcome.sections.extend(
        [_total(outcome, comparison), _adjusted(outcome, comparison), _sensitivity(material, comparison)]
    )
    outcome.sections.extend(_asked(outcome, factor) for factor in ("depth", "method"))
    return outcome


def _possible(material: Material, scores: pandas.DataFrame) -> tuple[Comparison, str]:
    """Compare; where the covariate forbids it (one value for every network), without it, and say why."""
    try:
        return _compare(material, scores), ""
    except StatisticsError as error:
        try:
            return _compare(
                material, scores, covariate=None, covariate_se=None
            ), f"Not corrected for accuracy: {error}."
        except StatisticsError:
            raise error from None


def _compare(material: Material, scores: pandas.DataFrame, **options: Any) -> Comparison:
    covariate = material.study.analysis.covariate
    given: dict[str, Any] = {"covariate": covariate, "covariate_se": f"{covariate}_se"} | options
    cells = material.cells.drop(
        columns=[name for name in ("arm", "depth", "network", "seed") if name in material.cells]
    )
    shared = scores.drop(columns=[name for name in ("pretrain_id",) if name in scores])
    own = shared.merge(material.cells[["network_id", "pretrain_id"]], on="network_id")
    return compare(own, factors=material.factors, cells=cells, level=material.study.analysis.level, **given)


def _contrasts(material: Material, comparison: Comparison) -> pandas.DataFrame:
    """Every question in every analysis; p_holm and the simultaneous intervals are of one question's family."""
    import pandas

    parts = []
    clustered = _clustered(material)
    for question, factor, by, kind in QUESTIONS:
        if any(len(comparison.factors.get(name, ())) < 2 for name in (factor, *by)):
            continue
        table = comparison.side_by_side(factor, kind, by=by)
        full = [
            comparison.contrasts(factor, kind, by=by, analysis=name).assign(analysis=name)
            for name in comparison.analyses
        ]
        extra = pandas.concat(full, ignore_index=True)
        keys = ["analysis", "contrast", *by]
        simultaneous = [name for name in extra if name.startswith("p_") or name.endswith("_simultaneous")]
        parts.append(table.merge(extra[[*keys, *simultaneous]], on=keys, how="left").assign(question=question))
        if clustered is not None and factor != "method":
            robust = clustered.contrasts(factor, kind, by=by, analysis="total").assign(analysis=CLUSTERED)
            parts.append(robust.assign(question=question))
    if not parts:
        return pandas.DataFrame(columns=["question", "analysis", "contrast"])
    table = pandas.concat(parts, ignore_index=True)
    for name in ("arm", "depth", "method"):
        if name not in table:
            table[name] = None
    first = ["question", "analysis", "contrast", "arm", "depth", "method"]
    return table[[*first, *(name for name in table if name not in first)]]


def _clustered(material: Material) -> Comparison | None:
    """Return the total effect with pre-training runs as clusters, or None where every network has one of its own."""
    if not material.cells["pretrain_id"].duplicated().any():
        return None
    try:
        return _compare(material, material.scores, cluster="pretrain_id", covariate=None, covariate_se=None)
    except StatisticsError:
        return None


def _total(outcome: Outcome, comparison: Comparison) -> Section:
    section = Section("total", "Total effect: networks as they were trained", findings=list(comparison.findings))
    means = [_means(comparison, comparison.factors, name, outcome.material) for name in comparison.analyses]
    flat = [name for name in comparison.factors if name != "depth"]
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
