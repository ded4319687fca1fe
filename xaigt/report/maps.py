"""Pictures of maps over images, with the true outline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.report.pictures import _best_slice, _outline, _plane, _show, new_figure, save_figure


def map_gallery(
    rows: Sequence[tuple[str, npt.NDArray[Any]]],
    images: Sequence[npt.NDArray[Any]],
    truths: Sequence[npt.NDArray[np.uint8]],
    titles: Sequence[str],
    description: dict[str, Any],
    path: Path,
) -> Path:
    """Draw one column a sample: the image, then each method's map over it; the true outline in all.

    Parameters
    ----------
    rows
        (name, maps ``[N, *S]``), signed. Red speaks for the target, blue against it; each map has its own scale.
    images, truths, titles
        N of each.
    description
        Of the dataset: modality and spacing.
    path
        Where to write the PNG.
    """
    columns = len(images)
    figure = new_figure(1.9 * columns + 0.8, 1.95 * (len(rows) + 1))
    grid = figure.subplots(len(rows) + 1, columns, squeeze=False)
    for column in range(columns):
        at = _best_slice(truths[column])
        image, truth = _plane(images[column], at), _plane(truths[column], at)
        grid[0, column].set_title(titles[column], fontsize=8)
        for row in range(len(rows) + 1):
            axis = grid[row, column]
            _show(axis, image, description)
            if row:
                values = _plane(rows[row - 1][1][column], at)
                reach = max(float(np.abs(values).max()), 1e-30)
                axis.imshow(
                    values / reach, cmap="seismic", vmin=-1, vmax=1, alpha=np.abs(values) / reach * 0.75,
                    aspect=axis.get_aspect(),
                )  # fmt: skip
            _outline(axis, truth)
    for row, name in enumerate(["image, true outline", *(name for name, _ in rows)]):
        axis = grid[row, 0]
        axis.text(-0.06, 0.5, name, rotation=90, va="center", ha="right", fontsize=8, transform=axis.transAxes)
    if rows:
        figure.supxlabel("red speaks for the target, blue against it; each map has its own scale", fontsize=8)
    return save_figure(figure, path)
