"""The scores of a variant compared by factors of its grid: every question, in every analysis that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xaigt.statistics import compare
from xaigt.statistics.findings import StatisticsError
from xaigt.studies.material import Material

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
CLUSTERED = "clustered"  # an analysis of ours beside those of the comparison


def compared(material: Material, scores: pandas.DataFrame) -> tuple[Comparison, str]:
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


def contrasts_of(material: Material, comparison: Comparison) -> pandas.DataFrame:
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
