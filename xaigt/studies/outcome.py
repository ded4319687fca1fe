"""What the comparison of a variant came to, in tables and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xaigt.statistics.findings import StatisticsError
from xaigt.studies.comparing_networks import CLUSTERED, compared
from xaigt.studies.material import Material
from xaigt.studies.section import Section
from xaigt.studies.wording import change_of, counted, listed_methods

if TYPE_CHECKING:
    import pandas

    from xaigt.statistics import Comparison

ANALYSES = ("total", CLUSTERED, "adjusted", "corrected")


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

    def _row(self, contrast: str, analysis: str) -> pandas.Series | None:
        table = self.of("arm", analysis)
        found = table[table["contrast"] == contrast] if len(table) else table
        return found.iloc[0] if len(found) else None

    def changes(self) -> Section:
        """Say what each way of looking changed for each pair of arms."""
        section = Section("changes", "What changed between the analyses")
        if not len(self.of("arm", "total")):
            section.sentences.append(self.reason or "There is one arm: nothing to compare.")
            section.refused = True
            return section
        for name in self.of("arm", "total")["contrast"]:
            section.sentences.append(change_of(name, {analysis: self._row(name, analysis) for analysis in ANALYSES}))
        return section

    def summary(self) -> list[str]:
        """Return the study in a few sentences."""
        cells, metric = self.material.cells, self.material.study.analysis.metric
        means = self.material.scores.groupby("method")["value"].mean().sort_values(ascending=False)
        orders = {name: self.material.order(name) for name in ("arm", "depth", "network")}
        arms, depths, kinds = map(listed_methods, orders.values())
        kinds = f"; {kinds}" if len(orders["network"]) > 1 else ""
        depths = f"{counted('depth', orders['depth'])} {depths}"
        first = (
            f"{len(cells)} {counted('network', cells)} ({arms}; {depths}{kinds}) reached an AUC of "
            f"{cells['auc'].min():.2f} to {cells['auc'].max():.2f} on samples that were not scored; "
            f"{self.material.scores['sample'].nunique()} other samples were explained by {len(means)} methods."
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
                found, _ = compared(self.material, self.material.of_metric(str(metric)))
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
