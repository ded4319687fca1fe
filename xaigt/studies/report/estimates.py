"""The figures of a report that show what was estimated: means at equal accuracy, and contrasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xaigt.studies.report.figures import SHORT, methods_of, over_kinds
from xaigt.studies.report.source import Source, View
from xaigt.studies.report.style import Drawing, colour, marker, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL = "all methods"
ANALYSES = {
    "total": ("o", "total effect: as trained"),
    "clustered": ("^", "the same, pre-training runs as clusters"),
    "adjusted": ("s", "at equal accuracy"),
    "corrected": ("D", "at equal accuracy, corrected for its error"),
    "naive": ("x", "naive: every image counted as evidence"),
}

SHORT_ANALYSES = {
    "total": "as trained", "clustered": "clustered", "adjusted": "equal accuracy", "corrected": "corrected",
    "naive": "naive",
}  # fmt: skip


def means(view: View) -> Drawing | None:
    """Adjusted means of arms by method, beside the means as they were trained."""
    table = view.analysed("marginal")
    if not len(table):
        return None
    shown = [name for name in ("total", "corrected", "adjusted") if (table["analysis"] == name).any()]
    shown = [name for name in shown if name != "adjusted" or "corrected" not in shown]
    methods, arms = methods_of(table), view.arms

    def draw(width: float) -> Figure:
        tall = 0.24 * len(methods) * max(1, len(arms) / 2) + 0.7
        figure, axes = panels(width, len(shown), height=tall, least=3.5)
        for axis, analysis in zip(axes, shown, strict=True):
            part = table[table["analysis"] == analysis]
            for number, arm in enumerate(arms):
                found = part[part["arm"] == arm].set_index("method").reindex(methods)
                y = np.arange(len(methods)) + (number - (len(arms) - 1) / 2) * 0.22
                axis.hlines(y, found["low"], found["high"], color=colour(arms, arm), linewidth=1.3)
                axis.plot(found["estimate"], y, marker(arms, arm), color=colour(arms, arm), markersize=4.5, label=arm)
            axis.set_yticks(range(len(methods)), methods)
            axis.set_ylim(len(methods) - 0.4, -0.6)
            axis.set_title(_title(view, analysis), fontsize=9, loc="left")
            axis.grid(axis="x", color="#e3e3e3", linewidth=0.6)
        figure.supxlabel(f"mean {view.metric}, averaged over depths", fontsize=9)
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize=8, frameon=False
        )
        return figure

    level = f"{view.analysis.get('level', 0.95):.0%}"
    titles = " and ".join(_title(view, name) for name in shown)
    caption = f"Mean of each arm{over_kinds(view)} with its {level} interval: {titles}." + (
        "" if len(shown) > 1 else " There are no adjusted means: the section on the adjusted analysis says why."
    )
    alt = f"{len(methods)} methods, {len(arms)} arms, {len(shown)} analyses; every number is in the table below."
    return Drawing("means", "Adjusted means", caption, alt, table, draw, view.sql("marginal"))


def _title(view: View, analysis: str) -> str:
    if analysis == "total":
        return "as trained"
    at = view.analysis.get("at")
    words = "at equal accuracy" if at is None else f"at {SHORT.get(view.covariate, view.covariate)} = {at:.3g}"
    return words + (" (corrected)" if analysis == "corrected" else "")


def contrasts(view: View) -> Drawing | None:
    """Differences of arms by method in every analysis; of depths where there is one arm."""
    table = view.analysed("contrasts")
    if not len(table):
        return None
    wanted = next(
        (name for name in ("arm by method", "arm", "depth by arm", "depth") if (table["question"] == name).any()), None
    )
    if wanted is None:
        return None
    asked = [wanted, *(["arm"] if wanted == "arm by method" else [])]
    table = table[table["question"].isin(asked)]
    shown = [name for name in ANALYSES if (table["analysis"] == name).any()]
    pairs = list(dict.fromkeys(table["contrast"]))
    row = "method" if wanted == "arm by method" else "arm" if wanted == "depth by arm" else None
    places = [ALL] * len(table) if row is None else [ALL if name is None else str(name) for name in table[row]]
    rows = sorted(dict.fromkeys(places), key=lambda name: name != ALL)
    placed = table.assign(place=places)

    def draw(width: float) -> Figure:
        tall = 0.13 * (len(shown) + 0.8) * len(rows) + 0.8
        figure, axes = panels(width, len(pairs), height=tall, least=3.4)
        for axis, pair in zip(axes, pairs, strict=True):
            axis.axvline(0, color="black", linewidth=0.9)
            for number, analysis in enumerate(shown):
                found = placed[(placed["contrast"] == pair) & (placed["analysis"] == analysis)]
                y = np.array([rows.index(name) for name in found["place"]]) + (number - (len(shown) - 1) / 2) * (
                    0.76 / max(len(shown), 1)
                )
                shade = "#8a8a8a" if analysis == "naive" else colour(list(ANALYSES), analysis)
                axis.hlines(y, found["low"], found["high"], color=shade, linewidth=1.2)
                axis.plot(
                    found["estimate"], y, ANALYSES[analysis][0], color=shade, markersize=4, label=ANALYSES[analysis][1]
                )
            axis.set_yticks(range(len(rows)), rows)
            axis.set_ylim(len(rows) - 0.4, -0.6)
            axis.set_title(pair, fontsize=9, loc="left")
            axis.grid(axis="x", color="#e3e3e3", linewidth=0.6)
        figure.supxlabel(f"difference of mean {view.metric}", fontsize=9)
        columns = min(len(shown), 3) if width > 6 else 1
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=columns, fontsize=8, frameon=False
        )
        return figure

    level = f"{view.analysis.get('level', 0.95):.0%}"
    others = table[~table["analysis"].isin(["total", "naive"])]
    changed = int(others["verdict_changed"].fillna(False).astype(bool).sum()) if "verdict_changed" in others else 0
    caption = (
        f"Differences with {level} intervals, each by itself; the table has Holm's p and simultaneous intervals "
        f"beside them. In {changed} of {len(others)} rows another analysis has another verdict than the total effect. "
        "The naive test is there to show what it would have said: it is not to be reported."
    )
    alt = f"{len(rows)} rows, {len(pairs)} comparisons and {len(shown)} analyses; every number is in the table below."
    names = ", ".join(f"'{name}'" for name in asked)
    query = f"{view.sql('contrasts')} where question in ({names})"
    return Drawing("contrasts", "Contrasts", caption, alt, table, draw, query)


def comparison(source: Source) -> Drawing | None:
    """Differences of arms on every variant of the data, beside each other."""
    table = source.compared
    table = table[table["question"] == "arm"] if len(table) else table
    if not len(table):
        return None
    pairs = list(dict.fromkeys(table["contrast"]))
    shown = [name for name in ANALYSES if (table["analysis"] == name).any()]
    variants = [name for name in source.variants if (table["variant"] == name).any()]

    def draw(width: float) -> Figure:
        tall = 0.16 * (len(variants) + 1) * len(shown) + 0.8
        figure, axes = panels(width, len(pairs), height=tall, least=3.4)
        for axis, pair in zip(axes, pairs, strict=True):
            axis.axvline(0, color="black", linewidth=0.9)
            for number, variant in enumerate(variants):
                own = table[(table["contrast"] == pair) & (table["variant"] == variant)]
                y = np.array([shown.index(name) for name in own["analysis"]])
                y = y + (number - (len(variants) - 1) / 2) * (0.6 / len(variants))
                shade = colour(variants, variant)
                axis.hlines(y, own["low"], own["high"], color=shade, linewidth=1.3)
                axis.plot(own["estimate"], y, marker(variants, variant), color=shade, markersize=4.5, label=variant)
            axis.set_yticks(range(len(shown)), [SHORT_ANALYSES[name] for name in shown])
            axis.set_ylim(len(shown) - 0.4, -0.6)
            axis.set_title(pair, fontsize=9, loc="left")
            axis.grid(axis="x", color="#e3e3e3", linewidth=0.6)
        figure.supxlabel("difference of the mean score", fontsize=9)
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper left", ncols=len(variants), fontsize=8, frameon=False)
        return figure

    caption = (
        "The same differences of arms, averaged over depths and methods, from each variant of the data and the "
        "training, with their intervals."
    )
    alt = f"{len(pairs)} comparisons of arms in {len(shown)} analyses, on {len(variants)} variants."
    query = "select * from comparison where question = 'arm'"
    return Drawing("comparison", "Variants side by side", caption, alt, table, draw, query)
