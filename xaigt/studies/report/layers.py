"""The layers of a tile: image, map and outline, each as small as it can be."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
STEPS = 31
FOR, AGAINST = ((240, 228, 66), (213, 94, 0)), ((86, 180, 233), (0, 114, 178))


def overlay(values: Array) -> str:
    """Address (a data URI) of a map: yellow to red speaks for the target, blue against it, on its own scale.

    Parameters
    ----------
    values
        ``[y, x]``, signed. What is not finite is left transparent.
    """
    from PIL import Image

    finite = np.where(np.isfinite(values), values, 0.0)
    scaled = finite / (float(np.abs(finite).max()) or 1.0)
    levels = np.rint(np.abs(scaled) * STEPS).astype(np.uint8)
    index = np.where(scaled < 0, levels + STEPS * (levels > 0), levels).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(index)).convert("P")
    colours, alphas = _palette()
    picture.putpalette(colours)
    content = io.BytesIO()
    picture.save(content, format="png", optimize=True, transparency=alphas)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _palette() -> tuple[list[int], bytes]:
    colours, alphas = [0, 0, 0], [0]
    for start, end in (FOR, AGAINST):
        for step in range(1, STEPS + 1):
            share = step / STEPS
            colours += [round(a + (b - a) * share) for a, b in zip(start, end, strict=True)]
            alphas.append(round(230 * share**0.8))
    return colours, bytes(alphas)


def outline(mask: npt.NDArray[np.bool_]) -> str:
    """Border of a mask along the edges of its voxels, as the ``d`` of an SVG path; unit: voxels."""
    padded = np.pad(mask, 1)
    rows = padded[1:, 1:-1] != padded[:-1, 1:-1]
    columns = padded[1:-1, 1:] != padded[1:-1, :-1]
    parts = [f"M{start} {y}H{end}" for y, line in enumerate(rows) for start, end in _spans(line)]
    parts += [f"M{x} {start}V{end}" for x, line in enumerate(columns.T) for start, end in _spans(line)]
    return "".join(parts)


def _spans(line: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def address(grey: npt.NDArray[np.uint8]) -> str:
    """Address (a data URI) of a grey picture."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(content, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def decoded(address: str, mode: str = "L") -> Array:
    """Read a picture back from its address."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert(mode))


def draw_outline(axes: Any, path: str, box: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    """Draw the path of :func:`outline` in white with a black rim.

    Parameters
    ----------
    axes
        Where it is drawn.
    path
        In pixels, from the upper left.
    box
        Left, right, bottom and top of the image on the axes.
    size
        Width and height of the image, pixels.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners: list[tuple[int, int]] = []
    for x, y, kind, end in re.findall(r"M(\d+) (\d+)([HV])(\d+)", path):
        corners += [(int(x), int(y)), (int(end), int(y)) if kind == "H" else (int(x), int(end))]
    if not corners:
        return
    left, right, bottom, top = box
    placed = np.array(corners) * [(right - left) / size[0], (bottom - top) / size[1]] + [left, top]
    drawn = Path(placed, [Path.MOVETO, Path.LINETO] * (len(corners) // 2))
    for shade, thick in (("black", 1.1), ("white", 0.6)):
        axes.add_artist(PathPatch(drawn, fill=False, edgecolor=shade, linewidth=thick, capstyle="round"))
