"""Pictures of a template: three planes, and what was understood of it drawn on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.report.pictures import new_figure, save_figure

Array = npt.NDArray[np.float32]
COLOURS = {"inner table": "#ffcc00", "brain": "#ff3b30", "parenchyma": "#34c759", "ventricles": "#5ac8fa"}
MIDLINE = "#ff9500"
FILLED = {
    "parenchyma": (0.2, 0.78, 0.35), "ventricles": (0.35, 0.78, 0.98), "sulci and cisterns": (0.2, 0.35, 0.9),
    "frontal": (0.9, 0.3, 0.25), "parietal": (0.95, 0.75, 0.2), "temporal": (0.3, 0.7, 0.35),
    "occipital": (0.25, 0.45, 0.9), "insula": (0.65, 0.35, 0.8), "deep": (0.55, 0.4, 0.3),
    "cerebellum": (0.2, 0.75, 0.8), "brain-stem": (0.95, 0.5, 0.7),
}  # fmt: skip


def template_picture(
    image: Array,
    origin: tuple[float, float, float],
    window: tuple[float, float],
    title: str,
    path: Path,
    *,
    outlines: Mapping[str, Array] | None = None,
    filled: Sequence[Mapping[str, npt.NDArray[np.bool_]]] = (),
    at: tuple[float, float, float] = (18.0, -18.0, 0.0),
) -> Path:
    """Draw axial, coronal and sagittal planes; below them a row for each set of filled masks.

    Parameters
    ----------
    image
        ``[z, y, x]`` on a lattice of 1 mm along RAS axes.
    origin
        (z, y, x) of voxel 0 in mm.
    window
        Values drawn black and white.
    title
        Above the picture.
    path
        PNG to write.
    outlines
        Name -> signed distance, positive inside; see :data:`COLOURS`. The midline (x = 0) is drawn too.
    filled
        For each row, name -> mask of a compartment; see :data:`FILLED`.
    at
        (z, y, x) in mm of the three planes.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    rows = 1 + len(filled)
    figure = new_figure(12.5, 4.6 * rows)
    axes = figure.subplots(rows, 3, squeeze=False)
    z, y, x = (round(position - start) for position, start in zip(at, origin, strict=True))
    # As radiologists look at it: the patient's right on the left, the top and the front up.
    planes: tuple[Any, ...] = (np.s_[z, ::-1, ::-1], np.s_[::-1, y, ::-1], np.s_[::-1, ::-1, x])
    middle = image.shape[2] - 1 + origin[2]
    for row in axes:
        for axis, plane, name in zip(row, planes, ("axial", "coronal", "sagittal"), strict=True):
            axis.imshow(image[plane], cmap="gray", vmin=window[0], vmax=window[1])
            axis.set_title(name, fontsize=9)
            axis.set_axis_off()
    for name, distance in (outlines or {}).items():
        for axis, plane in zip(axes[0], planes, strict=True):
            shown = distance[plane]
            if shown.min() < 0 < shown.max():
                axis.contour(shown, levels=[0.0], colors=[COLOURS[name]], linewidths=1.0)
    if outlines:
        for axis in axes[0, :2]:
            axis.axvline(middle, color=MIDLINE, linewidth=0.8, linestyle="--")
        handles = [Line2D([], [], color=COLOURS[name], label=name) for name in outlines]
        handles.append(Line2D([], [], color=MIDLINE, linestyle="--", label="midline"))
        axes[0, 2].legend(handles=handles, loc="lower right", fontsize=8)
    for row, masks in zip(axes[1:], filled, strict=True):
        for name, mask in masks.items():
            for axis, plane in zip(row, planes, strict=True):
                layer = np.zeros((*mask[plane].shape, 4))
                layer[mask[plane]] = (*FILLED[name], 0.45)
                axis.imshow(layer)
        row[2].legend(handles=[Patch(color=FILLED[name], label=name) for name in masks], loc="lower right", fontsize=8)
    figure.suptitle(title, fontsize=11)
    return save_figure(figure, path)
