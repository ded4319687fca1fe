"""The figure of one family of lesions: samples, sizes and image values beside published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.report.pictures import _outline, _show, new_figure, save_figure

Values = npt.NDArray[np.float64]
DRAWN, SEEN, PUBLISHED = "#3a78b5", "#ff9500", "#d62728"


def family_figure(
    title: str,
    samples: Sequence[Mapping[str, Any]],
    sizes: tuple[str, Values, tuple[float, ...], tuple[float, ...]],
    contrasts: Mapping[str, tuple[Values, Values, tuple[float, float] | None]],
    shapes: tuple[Mapping[str, Values], Mapping[str, Values]] | None,
    path: Path,
) -> Path:
    """Draw three samples with the true outline, sizes, image values and, if given, shapes.

    Parameters
    ----------
    title
        Above the figure.
    samples
        ``image``, ``lesion`` and ``modality`` of each, 2-D, 1 mm pixels.
    sizes
        Name of the axis, generated values, edges of published classes (or low and high) and the share of each.
    contrasts
        By contrast: drawn values, whole-lesion means in images, and the published low and high.
    shapes
        By name: generated and real values.
    path
        PNG to write.
    """
    figure = new_figure(11, 6.6)
    columns = 6
    grid = figure.add_gridspec(2, columns)
    for number, sample in enumerate(samples[:3]):
        axis = figure.add_subplot(grid[0, 2 * number : 2 * number + 2])
        _show(axis, sample["image"], {"modality": sample["modality"], "spacing_mm": (1, 1)})
        _outline(axis, sample["lesion"])
        axis.set_title(sample["modality"], fontsize=9)
    width = columns // (3 if shapes else 2)
    _sizes(figure.add_subplot(grid[1, :width]), *sizes)
    _contrasts(figure.add_subplot(grid[1, width : 2 * width]), contrasts)
    if shapes:
        _shapes(figure.add_subplot(grid[1, 2 * width :]), *shapes)
    figure.suptitle(title, fontsize=12)
    return save_figure(figure, path)


def _sizes(axis: Any, name: str, values: Values, edges: tuple[float, ...], shares: tuple[float, ...]) -> None:
    low, high = float(values.min()), float(values.max())
    if shares:
        ends = np.minimum(np.array(edges), max(high, edges[-2] * 2))
        found = np.histogram(values, edges)[0] / len(values)
        middles = np.sqrt(ends[1:] * ends[:-1])
        axis.stairs(shares, ends, color=PUBLISHED, linewidth=2, label="published")
        axis.plot(middles, found, "o", color=DRAWN, label="generated")
        axis.set_ylabel("share")
    else:
        axis.hist(values, bins=np.geomspace(low, high, 25), color=DRAWN, label="generated")
        for bound in edges:
            if np.isfinite(bound):
                axis.axvline(bound, color=PUBLISHED, linestyle="--", linewidth=1.5)
        axis.plot([], [], color=PUBLISHED, linestyle="--", label="stated range")
        axis.set_ylabel("lesions")
    axis.set_xscale("log")
    steps = [step * 10**power for power in range(5) for step in (1, 2, 5)]
    ticks = [tick for tick in steps if min((low, *edges[:1])) <= tick <= high]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlabel(name)
    axis.legend(fontsize=8)


def _contrasts(axis: Any, contrasts: Mapping[str, tuple[Values, Values, tuple[float, float] | None]]) -> None:
    rng = np.random.default_rng(0)
    names = list(contrasts)
    for row, name in enumerate(names):
        drawn, seen, published = contrasts[name]
        for values, colour, shift in ((drawn[:120], DRAWN, 0.14), (seen, SEEN, -0.14)):
            axis.plot(values, row + shift + rng.uniform(-0.08, 0.08, len(values)), ".", color=colour, markersize=4)
        if published is not None:
            axis.plot(published, [row + 0.34] * 2, "|-", color=PUBLISHED, linewidth=2, markersize=9)
    axis.plot([], [], ".", color=DRAWN, label="drawn")
    axis.plot([], [], ".", color=SEEN, label="mean in the image")
    axis.plot([], [], "|-", color=PUBLISHED, label="stated range, or mean +- SD")
    if "CT" not in names:
        axis.axvline(1, color="0.6", linewidth=0.8)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(-0.5, len(names) + 0.35)
    axis.set_xlabel("HU" if names == ["CT"] else "value over white matter (CT: HU)" if "CT" in names else
                    "value over white matter")  # fmt: skip
    if "CT" in names:
        axis.set_xscale("symlog")
    axis.legend(fontsize=8, loc="upper right")


def _shapes(axis: Any, generated: Mapping[str, Values], real: Mapping[str, Values]) -> None:
    rng = np.random.default_rng(1)
    names = list(generated)
    for row, name in enumerate(names):
        for values, colour, marker, shift in ((generated[name], DRAWN, ".", 0.1), (real[name], PUBLISHED, "x", -0.1)):
            axis.plot(values, row + shift + rng.uniform(-0.06, 0.06, len(values)), marker, color=colour)
    axis.plot([], [], ".", color=DRAWN, label="generated")
    axis.plot([], [], "x", color=PUBLISHED, label="real masks")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(-0.5, len(names))
    axis.legend(fontsize=8)
