"""How the figures look: colours that colour-blind readers tell apart, panels for a wide and for a narrow page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xaigt.dataset.files import replace
from xaigt.report.pictures import new_figure

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette (Wong 2011, doi 10.1038/nmeth.1618), without black and the yellow that is too light on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
GREY = "#595959"
WIDE, NARROW = 9.0, 3.7
"""Width in inches: the column of a page of 1280 pixels, and a page of 390."""
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.2, 1, 1.2)), (0, (9, 2)))


@dataclass(frozen=True)
class Drawing:
    """A figure of the report.

    Attributes
    ----------
    name
        Of its files.
    title, caption, alt
        Words for the page: what it is, how to read it, and what stands in it for those who do not see it.
    table
        The numbers that are drawn.
    draw
        Given the width in inches, the figure.
    query
        SQL that gives the table again: ``xaigt study query``.
    """

    name: str
    title: str
    caption: str
    alt: str
    table: pandas.DataFrame
    draw: Callable[[float], Figure]
    query: str


def colour(levels: Sequence[Any], level: Any) -> str:
    """Colour of a level: always the same in all figures."""
    return COLOURS[list(levels).index(level) % len(COLOURS)]


def marker(levels: Sequence[Any], level: Any) -> str:
    """Shape of a level: no figure relies on colour alone."""
    return MARKERS[list(levels).index(level) % len(MARKERS)]


def line(levels: Sequence[Any], level: Any) -> Any:
    """Style of a line of a level."""
    return LINES[list(levels).index(level) % len(LINES)]


def panels(
    width: float, count: int, *, height: float = 2.3, least: float = 2.4, right: bool = True
) -> tuple[Figure, list[Axes]]:
    """Make `count` panels, as many beside each other as the width holds, with the same axes.

    Parameters
    ----------
    width
        Of the figure, inches.
    height, least
        Height of a panel, and its least width.
    right
        Whether the panels share their x axis too.
    """
    columns = max(1, min(count, int(width / least)))
    rows = -(-count // columns)
    columns = -(-count // rows)  # no row has much less than the others
    figure = new_figure(width, rows * height + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True, sharex=right)
    axes = list(grid.flat)
    for axis in axes[count:]:
        axis.set_axis_off()
    for axis in axes[:count]:
        bare(axis)
        axis.tick_params(labelbottom=True)
    return figure, axes[:count]


def bare(axis: Axes) -> None:
    """Take away what says nothing; keep a light grid along y."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="y", color="#e3e3e3", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8)


def last_columns(axes: Sequence[Axes]) -> Iterator[Axes]:
    """Panels with nothing to their right: where lines get their names."""
    for number, axis in enumerate(axes):
        after = axes[number + 1] if number + 1 < len(axes) else None
        if after is None or _column(after) <= _column(axis):
            yield axis


def _column(axis: Axes) -> int:
    found = axis.get_subplotspec()
    return 0 if found is None else found.colspan.start


def name_lines(axis: Axes, ends: Sequence[tuple[float, str, str]], gap: float = 0.09) -> None:
    """Write names at the right edge of a panel, apart from each other.

    Parameters
    ----------
    axis
        The panel; its limits must not change any more.
    ends
        (y, name, colour) of each line.
    gap
        Least distance of two names, as a share of the height.
    """
    low, high = axis.get_ylim()
    wanted = sorted(((y - low) / (high - low), name, colour) for y, name, colour in ends if np.isfinite(y))
    places: list[float] = []
    for y, _, _ in wanted:
        places.append(max(y, places[-1] + gap) if places else max(y, 0.02))
    over = max(0.0, places[-1] - 0.98) if places else 0.0
    for place, (_, name, shade) in zip(places, wanted, strict=True):
        axis.annotate(
            name, (1.0, place - over), xytext=(4, 0), textcoords="offset points", xycoords="axes fraction",
            color=shade, fontsize=8, va="center", annotation_clip=False,
        )  # fmt: skip


def ranges(values: Sequence[float], *, inside: tuple[float, float] | None = None) -> tuple[float, float]:
    """Limits of an axis around finite values, with a margin; cut at `inside`."""
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    margin = 0.06 * (high - low) or 0.05 * max(abs(high), 0.1)
    low, high = low - margin, high + margin
    if inside is not None:
        low, high = max(low, inside[0] - margin), min(high, inside[1] + margin)
    return low, high


def encoded(figure: Figure, kind: str, salt: str) -> bytes:
    """Bytes of a figure as ``svg`` or ``png``; the same picture gives the same bytes."""
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}):
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(content, format=kind, dpi=200 if kind == "png" else 72, metadata=metadata)
    figure.set_layout_engine("none")  # what is laid out stays so: the next format costs no second layout
    return content.getvalue()


def write(drawing: Drawing, folder: Path) -> bytes:
    """Write a drawing as PNG, SVG and CSV; return its SVG, for a wide page."""
    wide = drawing.draw(WIDE)
    picture = encoded(wide, "svg", drawing.name)
    replace(folder / f"{drawing.name}.svg", picture)
    replace(folder / f"{drawing.name}.png", encoded(wide, "png", drawing.name))
    replace(folder / f"{drawing.name}.csv", drawing.table.to_csv(index=False, lineterminator="\n").encode())
    return picture


def narrow(drawing: Drawing) -> bytes:
    """SVG of a drawing for a narrow page."""
    return encoded(drawing.draw(NARROW), "svg", f"{drawing.name}-narrow")
