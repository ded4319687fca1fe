"""Histograms of what was measured, over the ranges that papers give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xaigt.report.pictures import new_figure, save_figure

COLUMNS = 4
BAND = "#34c75933"


def histograms(
    values: Mapping[str, Mapping[str, Sequence[float]]], ranges: Mapping[str, tuple[float, float] | None], path: Path
) -> Path:
    """Draw one panel for each measure: a histogram a group, the published range shaded.

    Parameters
    ----------
    values
        Measure -> group -> values.
    ranges
        Measure -> published range; None: none is known.
    path
        PNG to write.
    """
    rows = -(-len(values) // COLUMNS)
    figure = new_figure(3.4 * COLUMNS, 2.7 * rows)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes[len(values) :]:
        axis.set_axis_off()
    for axis, (measure, groups) in zip(axes, values.items(), strict=False):
        everything = np.concatenate([np.asarray(group, float) for group in groups.values()])
        low, high = float(everything.min()), float(everything.max())
        if (published := ranges[measure]) is not None:
            axis.axvspan(*published, color=BAND, label="published")
            low, high = min(low, published[0]), max(high, published[1])
        bins = np.linspace(low, high if high > low else low + 1, 31)
        for group, numbers in groups.items():
            axis.hist(numbers, bins=bins.tolist(), histtype="step", linewidth=1.4, label=group)
        axis.set_title(measure, fontsize=9)
        axis.set_yticks([])
        axis.tick_params(labelsize=8)
    axes[0].legend(fontsize=7)
    return save_figure(figure, path)
