"""The small causal diagram behind the two effects: arm, accuracy, score and an unmeasured common cause."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_PLACES = {
    "arm": (0.0, 0.0),
    "accuracy": (1.0, 0.75),
    "explanation\nscore": (2.0, 0.0),
    "common cause\n(unmeasured)": (2.3, 1.35),
}
_ARROWS = [
    ("arm", "explanation\nscore", "effect at equal accuracy", False),
    ("arm", "accuracy", "", False),
    ("accuracy", "explanation\nscore", "", False),
    ("common cause\n(unmeasured)", "accuracy", "", True),
    ("common cause\n(unmeasured)", "explanation\nscore", "", True),
]


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as SVG, the same bytes for the same picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "xaigt", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})
    return path


def causal_diagram() -> Figure:
    """Draw the diagram; dashed: what must not exist for the adjusted effect to be right."""
    figure = Figure(figsize=(6.2, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.35, 2.85), ylim=(-0.35, 1.65))
    axes.axis("off")
    for start, end, label, dashed in _ARROWS:
        _arrow(axes, start, end, label, dashed)
    for name, (x, y) in _PLACES.items():
        unseen = "unmeasured" in name
        box = {
            "boxstyle": "round,pad=0.4",
            "facecolor": "white",
            "edgecolor": "0.3",
            "linestyle": "--" if unseen else "-",
        }
        axes.text(x, y, name, ha="center", va="center", bbox=box, color="0.35" if unseen else "black")
    return figure


def _arrow(axes: Axes, start: str, end: str, label: str, dashed: bool) -> None:
    (x0, y0), (x1, y1) = _PLACES[start], _PLACES[end]
    style = {
        "arrowstyle": "-|>",
        "shrinkA": 26,
        "shrinkB": 30,
        "linewidth": 1.4,
        "color": "0.5" if dashed else "0.1",
    }
    axes.annotate("", (x1, y1), (x0, y0), arrowprops={**style, "linestyle": "--" if dashed else "-"})
    if label:
        axes.text((x0 + x1) / 2, (y0 + y1) / 2 - 0.12, label, ha="center", va="top", fontsize=9)
