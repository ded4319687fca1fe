"""The figures of a report that show networks and evidence: training, planted against used, methods by stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xaigt.report.pictures import new_figure
from xaigt.studies.report.source import View
from xaigt.studies.report.style import (
    Drawing,
    bare,
    colour,
    last_columns,
    marker,
    name_lines,
    panels,
    ranges,
)

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = {"val_loss": "validation loss (nats)", "val_auc": "validation AUC"}


def training(view: View) -> Drawing | None:
    """Training curves: a panel a depth and quantity, a line a network."""
    table = view.table("curves")
    shown = [name for name in CURVES if name in table.columns and table[name].notna().any()]
    if not shown:
        return None
    arms, depths = view.arms, view.depths

    def draw(width: float) -> Figure:
        from matplotlib.ticker import MaxNLocator

        columns = len(depths) if width > 6 else 1
        rows = len(depths) * len(shown) // columns
        figure = new_figure(width, 2.1 * rows + 0.5)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey="row" if columns > 1 else False)
        axes = list(grid.flat)
        pairs = [(name, depth) for name in shown for depth in depths]
        ends = set(last_columns(axes))
        for axis, (name, depth) in zip(axes, pairs, strict=True):
            bare(axis)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            reached = _curves(axis, table[table["depth"] == depth], name, arms)
            axis.set_title(f"depth {depth}", fontsize=9, loc="left")
            if depth == depths[0] or columns == 1:
                axis.set_ylabel(CURVES[name], fontsize=8)
            axis.set_ylim(*ranges(table[name], inside=(0, 1) if name == "val_auc" else None))
            if axis in ends:
                name_lines(axis, reached)
        figure.supxlabel("epoch", fontsize=9)
        return figure

    count = table["network_id"].nunique() if "network_id" in table else 0
    caption = (
        f"A line is one of {count} networks, on its validation split. The epoch that was kept, and how the network "
        "classifies samples that are not scored, is in the table of cells."
    )
    alt = f"{len(depths)} depths, {', '.join(CURVES[name] for name in shown)}, {count} networks."
    return Drawing("training", "Training curves", caption, alt, table, draw, view.sql_of_cells("curves"))


def _curves(axis: Axes, table: pandas.DataFrame, name: str, arms: list[str]) -> list[tuple[float, str, str]]:
    reached = []
    for arm in arms:
        last = []
        for _, own in table[table["arm"] == arm].groupby("network_id", sort=False):
            style = "-" if arms.index(arm) % 2 == 0 else (0, (4, 1.5))
            axis.plot(own["epoch"], own[name], color=colour(arms, arm), linewidth=1, alpha=0.75, linestyle=style)
            last.append(float(own[name].iloc[-1]))
        if last:
            reached.append((float(np.nanmean(last)), arm, colour(arms, arm)))
    return reached


def used(view: View) -> Drawing | None:
    """Scores against what was planted and against what the network used."""
    table = view.analysed("used")
    if not len(table):
        return None
    methods, arms = list(dict.fromkeys(table["method"])), view.arms
    mean = table.groupby(["arm", "method"], sort=False)[["planted", "used"]].mean()

    def draw(width: float) -> Figure:
        figure, axes = panels(width, len(arms), height=0.24 * len(methods) + 0.7, least=3.4)
        for axis, arm in zip(axes, arms, strict=True):
            found = mean.loc[arm].reindex(methods) if arm in mean.index.get_level_values(0) else mean.iloc[:0]
            if len(found):
                y = np.arange(len(methods))
                axis.hlines(y, found["planted"], found["used"], color="#9a9a9a", linewidth=1.2)
                axis.plot(found["planted"], y, "o", color=colour(arms, arm), markerfacecolor="white", label="planted")
                axis.plot(found["used"], y, marker(arms, arm), color=colour(arms, arm), label="used")
            axis.set_yticks(range(len(methods)), methods)
            axis.set_ylim(len(methods) - 0.4, -0.6)
            axis.set_title(f"{arm}: open planted, filled used", fontsize=9, loc="left", color=colour(arms, arm))
            axis.grid(axis="x", color="#e3e3e3", linewidth=0.6)
        figure.supxlabel(f"mean {view.metric}", fontsize=9)
        return figure

    share = table.groupby("arm", sort=False)["lesions_used_share"].mean() if "lesions_used_share" in table else None
    words = (
        ""
        if share is None
        else " Share of the planted lesions that the networks used: "
        + (", ".join(f"{arm} {value:.0%}" for arm, value in share.items()) + ".")
    )
    caption = (
        "The same maps scored against the lesions that were planted and against those alone whose replacement by the "
        "reference changes the network's answer. Samples of which a network used no lesion count in the first only."
        + words
    )
    alt = f"{len(methods)} methods by {len(arms)} arms: mean score against planted and against used lesions."
    return Drawing("used", "Planted against used evidence", caption, alt, table, draw, view.sql("used"))


def stages(view: View) -> Drawing | None:
    """Methods by stages: mean scores, a panel an arm, with the attainable reference of each stage."""
    table = view.analysed("stages")
    if not len(table):
        return None
    arms = view.arms
    mean = table.groupby(["arm", "method_name", "stage"], sort=False)["value"].mean()
    methods, columns = list(dict.fromkeys(table["method_name"])), stage_order(table)
    best = table.dropna(subset=["attainable"]).groupby("stage")["attainable"].mean() if "attainable" in table else None
    rows = [*methods, "attainable"] if best is not None and len(best) else methods
    high = float(np.nanmax([mean.max(), *(best if best is not None else [])]))
    low = min(0.0, float(mean.min()))

    def grid(arm: str) -> np.ndarray:
        values = np.full((len(rows), len(columns)), np.nan)
        for (method, stage), value in mean.loc[arm].items():
            values[rows.index(method), columns.index(stage)] = value
        if best is not None and len(best):
            values[-1] = [best.get(stage, np.nan) for stage in columns]
        return values

    def draw(width: float) -> Figure:
        beside = min(len(arms), max(1, int(width / 3.4)))
        lines = -(-len(arms) // beside)
        figure = new_figure(width, lines * (0.25 * len(rows) + 0.75) + 0.3)
        axes = list(figure.subplots(lines, beside, squeeze=False, sharey=True).flat)
        for axis in axes[len(arms) :]:
            axis.set_axis_off()
        for axis, arm in zip(axes, arms, strict=False):
            values = grid(arm)
            axis.imshow(values, cmap="cividis", vmin=low, vmax=high, aspect="auto")
            for (y, x), value in np.ndenumerate(values):
                if np.isfinite(value):
                    light = (value - low) / (high - low or 1) > 0.55
                    axis.text(
                        x, y, f"{value:.2f}", ha="center", va="center", fontsize=8, color="black" if light else "white"
                    )
            labels = ["fused" if "+" in name else name for name in columns]
            turned = {"rotation": 40, "ha": "right"} if width < 6 and len(columns) > 4 else {}
            axis.set_xticks(range(len(columns)), labels, fontsize=8, **turned)
            axis.set_yticks(range(len(rows)), rows, fontsize=8)
            axis.set_title(arm, fontsize=9, loc="left")
            axis.tick_params(length=0)
            for side in axis.spines.values():
                side.set_visible(False)
        return figure

    chance = table["chance"].dropna().mean() if "chance" in table else np.nan
    caption = (
        f"Mean {view.metric} over networks and depths; stages run from the input to the head. "
        + ("The last row is the truth seen through the grid of each stage. " if len(rows) > len(methods) else "")
        + (f"A random map scores {chance:.3g}. " if np.isfinite(chance) else "")
        + "An empty field: the method has no map there."
    )
    top = mean.idxmax()
    highest = f"{top[1]} at {top[2]} of arm {top[0]}, {mean.max():.3f}"
    alt = f"{len(methods)} methods by {len(columns)} stages; highest: {highest}."
    return Drawing("stages", "Methods by stages", caption, alt, table, draw, view.sql("stages"))


def stage_order(table: pandas.DataFrame) -> list[str]:
    """Stages as they appear, the input first, fused stages last."""
    found = [name for name in dict.fromkeys(table["stage"]) if name is not None]
    return sorted(found, key=lambda name: (name != "input", "+" in name))
