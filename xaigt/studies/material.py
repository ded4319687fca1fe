"""What the analysis of one variant works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xaigt.studies.configuration import Study
from xaigt.studies.errors import StudyError
from xaigt.studies.folder import StudyFolder
from xaigt.studies.methods import candidates, named

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Material:
    """Tables of one variant.

    Attributes
    ----------
    cells
        A row a network.
    everything
        All scores: methods at all stages, baselines and references, all metrics.
    scores
        Those that are compared: the metric of the analysis, no baselines, CAMs at one stage.
    used
        Scores against planted and against used lesions; None where none were replaced.
    """

    study: Study
    variant: str
    cells: pandas.DataFrame
    everything: pandas.DataFrame
    scores: pandas.DataFrame
    used: pandas.DataFrame | None

    def order(self, factor: str) -> list[Any]:
        """Levels of a factor that some network has, in the order of the configuration."""
        wanted = [str(value) for value in getattr(self.study.grid, f"{factor}s")]
        return [value for value in wanted if value in set(self.cells[factor].astype(str))]

    @property
    def between(self) -> list[str]:
        """Factors between networks that have more than one level here."""
        return [name for name in ("arm", "depth", "network") if len(self.order(name)) > 1]

    @property
    def factors(self) -> list[str]:
        """Factors of a comparison, the methods last."""
        return [*(self.between or ["arm"]), "method"]

    def of_metric(self, metric: str) -> pandas.DataFrame:
        """Return what :attr:`scores` would be with another metric."""
        own = self.everything[self.everything["metric"] == metric]
        return self.sorted(candidates(named(own, self.study.analysis.stage), self.study))

    def sorted(self, table: pandas.DataFrame) -> pandas.DataFrame:
        """Order rows as the configuration orders arms and depths: contrasts are named in the order of appearance."""
        import pandas

        result = table.copy()
        for name in ("arm", "depth", "network"):
            result[name] = pandas.Categorical(result[name].astype(str), self.order(name), ordered=True)
        result = result.sort_values([name for name in ("network", "depth", "arm", "seed") if name in result])
        return result.assign(**{name: result[name].astype(str) for name in ("arm", "depth", "network")})


def material_of(folder: StudyFolder, study: Study, variant: str) -> Material | None:
    """Read the tables of a variant; None if it has no finished network."""
    cells = _own(folder, "cells", variant)
    everything = _own(folder, "scores", variant)
    if cells is None or everything is None or not len(cells):
        return None
    bare = Material(study, variant, cells, everything, everything, _own(folder, "used", variant))
    return Material(
        study, variant, bare.sorted(cells), everything, bare.of_metric(study.analysis.metric), bare.used
    )  # fmt: skip


def _own(folder: StudyFolder, name: str, variant: str) -> pandas.DataFrame | None:
    try:
        table = folder.table(name)
    except StudyError:
        return None
    return table[table["variant"] == variant].reset_index(drop=True)
