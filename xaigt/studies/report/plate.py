"""The gallery as one picture for print: a row a sample and network, a column a method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xaigt.report.pictures import new_figure
from xaigt.studies.report.gallery import parts_of
from xaigt.studies.report.layers import decoded, draw_outline
from xaigt.studies.report.source import View
from xaigt.studies.report.style import Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches: the narrowest tile; the gaps between tiles, and between samples; the words beside rows and above columns.
TILE, GAP, BETWEEN, BESIDE, ABOVE = 0.9, 0.03, 0.16, 1.15, 0.5
LONG = 14  # letters of a method's name that fit above a tile


def plate(view: View, shown: dict[str, Any]) -> Drawing | None:
    """Return the maps of :func:`xaigt.studies.report.gallery.collect` as a drawing: of each arm its last network."""
    if not shown["cells"] or not shown["maps"]:
        return None
    cells = list({cell["arm"]: cell for cell in shown["cells"]}.values())
    caption = (
        f"Maps of {len(cells)} networks over {len(shown['samples'])} samples; white: the true outline; "
        f"in the corner: {view.metric}."
    )
    chosen = ", ".join(str(sample["number"]) for sample in shown["samples"])
    query = f"{view.sql_of_cells('scores')} and metric = '{view.metric}' and sample in ({chosen})"

    def draw(width: float) -> Figure:
        return _drawn(shown, cells, width)

    return Drawing("gallery", "Gallery of maps", caption, caption, _table(view, shown), draw, query)


def _table(view: View, shown: dict[str, Any]) -> Any:
    import pandas

    ranks = {sample["id"]: sample["rank"] for sample in shown["samples"]}
    parts = ((key, parts_of(key)) for key in shown["maps"])
    rows = [(*part, ranks[part[-1]], shown["scores"].get(key)) for key, part in parts]
    return pandas.DataFrame(rows, columns=["cell", "method", "stage", "sample", "rank", view.metric])


def _drawn(shown: dict[str, Any], cells: list[dict[str, Any]], width: float) -> Figure:
    """One pair of axes in inches from the upper left: an automatic layout shrinks tiles to make room for words."""
    columns = list(shown["opens"].items())
    tile = max((width - BESIDE) / (len(columns) + 1) - GAP, TILE)
    heights = [tile / sample["ratio"] for sample in shown["samples"]]
    wide = BESIDE + (len(columns) + 1) * (tile + GAP)
    high = ABOVE + sum(len(cells) * (height + GAP) + BETWEEN for height in heights)
    figure = new_figure(wide, high)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(high, 0), autoscale_on=False)
    axes.set_axis_off()
    for at, (method, stage) in enumerate([("image", "input"), *columns]):
        x = BESIDE + at * (tile + GAP) + tile / 2
        axes.text(x, ABOVE - 0.05, _heading(method, stage), fontsize=7, ha="center", va="bottom")
    for top, height, sample, cell, first in _rows(shown, cells, heights):
        words = f"{cell['title']}, {cell['words']}".replace(", ", "\n")
        axes.text(BESIDE - 0.08, top + height, words, fontsize=7, ha="right", va="bottom")
        if first:
            named = f"{sample['rank'].capitalize()}:\nsample {sample['number']}\n{sample['class']}".rstrip()
            axes.text(0.05, top, named, fontsize=7, fontweight="bold", ha="left", va="top")
        for at, (method, stage) in enumerate([("", ""), *columns]):
            left = BESIDE + at * (tile + GAP)
            box = (left, left + tile, top + height, top)
            _tile(axes, box, shown, sample, f"{cell['name']}/{method}/{stage}/{sample['id']}")
    return figure


def _rows(
    shown: dict[str, Any], cells: list[dict[str, Any]], heights: list[float]
) -> Iterator[tuple[float, float, dict[str, Any], dict[str, Any], bool]]:
    """Top and height of each row in inches, its sample and network, and whether the sample is new."""
    top = ABOVE
    for sample, height in zip(shown["samples"], heights, strict=True):
        for number, cell in enumerate(cells):
            yield top, height, sample, cell, number == 0
            top += height + GAP
        top += BETWEEN


def _heading(method: str, stage: str) -> str:
    """Name of a method over that of its stage; a long one is broken where it is joined."""
    name = re.sub(r"([-/])", "\\1\n", method, count=1) if len(method) > LONG else method
    if stage == "input":
        return name
    return f"{name}\n{'fused' if '+' in stage else stage}"


def _tile(
    axes: Axes, box: tuple[float, float, float, float], shown: dict[str, Any], sample: dict[str, Any], key: str
) -> None:
    """Image, map, outline and score in a box: left, right, bottom, top."""
    left, _, bottom, _ = box
    # "none": an SVG holds the pixels as they are, and a PNG shows them without smoothing.
    placed: dict[str, Any] = {"extent": box, "aspect": "auto", "interpolation": "none"}
    axes.imshow(decoded(sample["image"]), cmap="gray", **placed)
    found, value = shown["maps"].get(key), shown["scores"].get(key)
    if found:
        axes.imshow(decoded(found, "RGBA"), **placed)
    draw_outline(axes, sample["outline"], box, (sample["width"], sample["height"]))
    if value is not None:
        axes.text(left + 0.04, bottom - 0.04, f"{value:.2f}", color="white", fontsize=6)
