"""The figures of a report that show the scores of networks: by method, arm and depth, and against accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xaigt.studies.methods import INPUT
from xaigt.studies.report.source import View
from xaigt.studies.report.style import (
    GREY,
    Drawing,
    colour,
    line,
    marker,
    panels,
    ranges,
)

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS = {
    "dprime": "d′ (standard deviations)",
    "auc": "AUC",
    "accuracy": "accuracy",
    "accuracy_logit": "logit of accuracy",
}
SHORT = {"dprime": "d′", "auc": "AUC"}


def accuracy_name(view: View) -> str:
    """Name and unit of the covariate, for an axis."""
    return UNITS.get(view.covariate, view.covariate)


def methods_of(table: pandas.DataFrame) -> list[str]:
    """Methods of a table, in order of appearance."""
    return list(dict.fromkeys(name for name in table["method"] if name is not None))


def references_of(view: View, method: str) -> dict[str, float]:
    """Chance, and what is attainable at the stage of a method, where they are known."""
    table = view.analysed("references")
    if not len(table):
        return {}
    stage = method.partition("@")[2] or INPUT
    chance = table.loc[table["method_name"] == "chance", "value"]
    best = table.loc[(table["method_name"] == "attainable") & (table["stage"] == stage), "value"]
    return {name: float(found.iloc[0]) for name, found in (("chance", chance), ("attainable", best)) if len(found)}


def scores(view: View) -> Drawing | None:
    """Scores by method, arm and depth, with chance and the attainable reference."""
    points = view.analysed("points")
    if not len(points):
        return None
    means = view.analysed("means")
    total = means[means["analysis"] == "total"] if len(means) else means
    methods, arms, depths = methods_of(points), view.arms, view.depths
    references = {method: references_of(view, method) for method in methods}
    limits = _limits(points["value"], total, [value for found in references.values() for value in found.values()])

    def draw(width: float) -> Figure:
        figure, axes = panels(width, len(methods))
        for axis, method in zip(axes, methods, strict=True):
            own = points[points["method"] == method]
            _lines(axis, own, total, method, arms, depths)
            for name, value in references[method].items():
                style = ":" if name == "attainable" else "--"
                axis.axhline(value, color=GREY, linestyle=style, linewidth=1)
                axis.annotate(
                    name, (0, value), xytext=(2, 2), textcoords="offset points", xycoords=("axes fraction", "data"),
                    fontsize=7, color=GREY,
                )  # fmt: skip
            axis.set_title(method, fontsize=9, loc="left")
            axis.set_xticks(range(len(depths)), depths)
            axis.set_xlim(-0.4, len(depths) - 0.6)
            axis.set_ylim(*limits)
        _key(figure, arms, ())
        figure.supxlabel("stages trained, from the head (depth)", fontsize=9)
        figure.supylabel(f"{view.metric} (mean over samples)", fontsize=9)
        return figure

    table = points.drop(columns=[name for name in ("cell",) if name in points])
    level = f"{view.analysis.get('level', 0.95):.0%}"
    caption = (
        f"Mean {view.metric} of every network (small marks) over the scored samples, and the mean of each arm and "
        f"depth{over_kinds(view)} with its {level} interval, networks being the unit. Dashed: what a random map "
        "scores. Dotted: the truth seen through the grid of the method's stage; methods at the input have no such "
        "limit."
    )
    best = points.groupby("method", sort=False)["value"].mean()
    alt = (
        f"{len(methods)} panels, one a method; the highest mean over all networks is that of {best.idxmax()}, "
        f"{best.max():.3f}; the lowest that of {best.idxmin()}, {best.min():.3f}."
    )
    return Drawing(
        "scores", "Scores by method, arm and depth", caption, alt, table, draw, view.sql("points", "* exclude (cell)")
    )


def over_kinds(view: View) -> str:
    """Say that means are over several architectures, where there are."""
    return f", averaged over {' and '.join(view.networks)}," if len(view.networks) > 1 else ""


def _limits(values: pandas.Series, means: pandas.DataFrame, references: Sequence[float]) -> tuple[float, float]:
    """Limits that hold every network and reference, and intervals as far as they are not much wider than those."""
    low, high = ranges([*values, *references])
    room = 0.35 * (high - low)
    ends = [*means.get("low", ()), *means.get("high", ())]
    return ranges([low, high, *(min(max(end, low - room), high + room) for end in ends if np.isfinite(end))])


def _lines(
    axis: Axes, own: pandas.DataFrame, total: pandas.DataFrame, method: str, arms: list[str], depths: list[str]
) -> None:
    """Draw one line an arm over depth."""
    for number, arm in enumerate(arms):
        shift = (number - (len(arms) - 1) / 2) * 0.13
        part = own[own["arm"] == arm]
        at = np.array([depths.index(depth) for depth in part["depth"]]) + shift
        axis.plot(at, part["value"], marker(arms, arm), color=colour(arms, arm), alpha=0.35, markersize=3, zorder=2)
        middle = part.groupby("depth")["value"].mean().reindex(depths)
        x = np.arange(len(depths)) + shift
        axis.plot(x, middle, "-", marker=marker(arms, arm), color=colour(arms, arm), markersize=5, linewidth=1.4)
        if len(total):
            found = total[(total["method"] == method) & (total["arm"] == arm)].set_index("depth").reindex(depths)
            axis.vlines(x, found["low"], found["high"], color=colour(arms, arm), linewidth=1.2)


def accuracy(view: View) -> Drawing | None:
    """Score against accuracy, with the fitted lines."""
    points, lines = view.analysed("points"), view.analysed("lines")
    if not len(points) or view.covariate not in points or not points[view.covariate].notna().any():
        return None
    methods, arms, depths, name = methods_of(points), view.arms, view.depths, view.covariate

    def draw(width: float) -> Figure:
        figure, axes = panels(width, len(methods))
        for axis, method in zip(axes, methods, strict=True):
            own = points[points["method"] == method]
            for depth in depths:
                for arm in arms:
                    part = own[(own["arm"] == arm) & (own["depth"] == depth)]
                    axis.plot(
                        part[name], part["value"], marker(depths, depth), color=colour(arms, arm), markersize=4.5,
                        markerfacecolor="none" if arms.index(arm) % 2 else colour(arms, arm), markeredgewidth=1.1,
                    )  # fmt: skip
            if len(lines):
                kinds = [name for name in ("arm", "depth", "network") if name in lines]
                for _, found in lines[lines["method"] == method].groupby(kinds, sort=False):
                    shade = colour(arms, found["arm"].iloc[0])
                    style = line(depths, found["depth"].iloc[0])
                    axis.plot(found[name], found["estimate"], color=shade, linestyle=style, linewidth=1.1, alpha=0.8)
            if view.analysis.get("at") is not None:
                axis.axvline(view.analysis["at"], color=GREY, linestyle=":", linewidth=0.8)
            axis.set_title(method, fontsize=9, loc="left")
            axis.set_ylim(*ranges(points["value"]))
        figure.supxlabel(f"{accuracy_name(view)}, from samples that are not scored", fontsize=9)
        figure.supylabel(f"{view.metric} (mean over samples)", fontsize=9)
        _key(figure, arms, depths)
        return figure

    at = view.analysis.get("at")
    where = "" if at is None else f" Dotted: the common {SHORT.get(name, name)} of {at:.3g} at which arms are compared."
    fitted = (
        "Lines: the fit of the adjusted analysis, inside the range of accuracy that each arm and depth reached."
        if len(lines)
        else "There is no fitted line: the section on the adjusted analysis says why."
    )
    caption = (
        "A mark is a network; colour and filling say its arm, its shape and the style of the line its depth. "
        f"{fitted}{where}"
    )
    low, high = float(points[name].min()), float(points[name].max())
    count = points["network_id"].nunique()
    alt = f"{len(methods)} panels of {count} networks; {SHORT.get(name, name)} runs from {low:.2f} to {high:.2f}."
    return Drawing("accuracy", "Score against accuracy", caption, alt, points, draw, view.sql("points"))


def _key(figure: Figure, arms: Sequence[str], depths: Sequence[str]) -> None:
    """Name colours and shapes above the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour(arms, arm), linestyle="none" if depths else "-",
               marker="o" if depths else marker(arms, arm), markersize=5, label=arm,
               markerfacecolor="none" if depths and number % 2 else colour(arms, arm))
        for number, arm in enumerate(arms)
    ]  # fmt: skip
    handles += [
        Line2D([], [], color=GREY, marker=marker(depths, depth), linestyle=line(depths, depth), markersize=5,
               linewidth=1.1, label=f"depth {depth}")
        for depth in depths
    ]  # fmt: skip
    columns = len(handles) if figure.get_figwidth() > 6 else 3
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, fontsize=8, frameon=False)
