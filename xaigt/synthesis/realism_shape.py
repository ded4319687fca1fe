"""Shapes of the lesions of ``lesion-shape`` beside those of real lesion masks: a figure and a table.

::

    python -m xaigt.synthesis.realism_shape --output docs/explanation/lesion-shape [--real FOLDER]

Real masks are measured from the NIfTI files of FOLDER whose name holds ``lesion``; without it, the values written there
the last time are read. What is measured has no unit, so that lesions of different size compare: compactness
(:func:`xaigt.shape.compactness`), and roughness: the border over that of the mask after a Gaussian whose SD is an
eighth of the diameter of the disc or ball as large as the mask, cut at one half. Smooth outlines have 1.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage

from xaigt.dataset.files import DatasetError
from xaigt.shape import boundary, compactness

REAL, GENERATED, FIGURE, TABLE = "real.csv", "generated.csv", "shapes.png", "shapes.md"
MEASURES = ("compactness", "roughness")
LEAST = {2: 60, 3: 300}  # pixels or voxels: smaller masks are all voxels and no shape
LIKE = {2: 270, 3: 600}  # real masks are read on voxels so large that they have about as many as generated ones


def measure(mask: npt.NDArray[np.bool_], spacing: tuple[float, ...]) -> dict[str, float]:
    """Size and shape of one mask.

    Parameters
    ----------
    mask
        ``[y, x]`` or ``[z, y, x]``, not empty.
    spacing
        Distance between voxel centres along each axis, in mm.

    Returns
    -------
    dict
        ``diameter_mm`` (of the disc or ball as large), ``compactness``, ``roughness``.
    """
    axes = mask.ndim
    size = int(mask.sum()) * math.prod(spacing)
    diameter = 2 * math.sqrt(size / math.pi) if axes == 2 else (6 * size / math.pi) ** (1 / 3)
    sd = [diameter / 8 / step for step in spacing]
    padded = np.pad(mask, [(math.ceil(3 * width),) * 2 for width in sd])
    smooth = ndimage.gaussian_filter(padded.astype(float), sd) >= 0.5
    border = boundary(smooth, spacing)
    return {
        "diameter_mm": round(diameter, 2),
        "compactness": round(compactness(mask, spacing), 4),
        "roughness": round(boundary(mask, spacing) / border, 4) if border > 0 else math.nan,
    }


def real_shapes(folder: Path) -> pd.DataFrame:
    """Shapes of the real masks of a folder: a row a piece, whole (3-D) and in every fifth axial slice (2-D)."""
    from xaigt.volume import read_nifti

    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("**/*lesion*.nii*")):
        array, affine = read_nifti(path)
        spacing = tuple(float(step) for step in np.linalg.norm(affine[:3, :3], axis=0))
        name = path.name.split(".")[0]
        rows += [{"mask": name, "axes": 3, **_measured(piece, spacing)} for piece in _pieces(array > 0, LEAST[3])]
        for flat in (array > 0)[::5]:
            rows += [{"mask": name, "axes": 2, **_measured(piece, spacing[1:])} for piece in _pieces(flat, LEAST[2])]
    if not rows:
        raise DatasetError(f"{folder}: holds no NIfTI file of a lesion mask (a name with 'lesion' in it).")
    return pd.DataFrame(rows)


def _pieces(mask: npt.NDArray[np.bool_], least: int) -> list[npt.NDArray[np.bool_]]:
    labels, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    boxes = ndimage.find_objects(labels)
    found = [labels[box] == number for number, box in enumerate(boxes, start=1)]
    return [piece for piece in found if piece.sum() >= least]


def _measured(mask: npt.NDArray[np.bool_], spacing: tuple[float, ...]) -> dict[str, float]:
    """Measure a real mask on voxels of the wanted number: those of which it fills half."""
    axes = mask.ndim
    factor = max(1, round((int(mask.sum()) / LIKE[axes]) ** (1 / axes)))
    padded = np.pad(mask, [(0, -count % factor) for count in mask.shape])
    blocks = padded.reshape([part for count in padded.shape for part in (count // factor, factor)])
    coarse = blocks.mean(tuple(range(1, 2 * axes, 2))) >= 0.5
    return measure(np.asarray(coarse), tuple(step * factor for step in spacing))


def generated_shapes(samples: int, seed: int) -> pd.DataFrame:
    """Shapes of the lesions of some samples of ``lesion-shape``, on its own grids: a row a lesion of either class."""
    from xaigt.lesions.families.shape import voxels_of
    from xaigt.synthesis.drawing import draw_plan
    from xaigt.synthesis.loading import composed, load_recipe

    rows: list[dict[str, Any]] = []
    for axes in (2, 3):
        recipe = composed(load_recipe("lesion-shape", changes={"grid.dim": axes}))
        for sample in range(samples):
            for item in draw_plan(recipe, seed, sample).lesions:
                mask = voxels_of(item.lesion)  # type: ignore[arg-type]
                spacing = item.lesion.spacing_mm[-axes:]  # type: ignore[attr-defined]
                rows.append({"mask": item.group, "axes": axes, **measure(mask[0] if axes == 2 else mask, spacing)})
    return pd.DataFrame(rows)


def table(real: pd.DataFrame, generated: pd.DataFrame) -> str:
    """Median and 5 to 95 % range of every measure, as Markdown."""
    lines = [
        "| masks | axes | pieces | diameter (mm) | compactness or sphericity | roughness |",
        "|---|---|---|---|---|---|",
    ]
    for axes in (2, 3):
        for title, data in (("real", real), ("round", generated), ("irregular", generated)):
            rows = data[data["axes"] == axes]
            rows = rows if title == "real" else rows[rows["mask"] == title]
            cells = [_summary(rows[name]) for name in ("diameter_mm", *MEASURES)]
            lines.append(f"| {title} | {axes} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _summary(values: pd.Series[float]) -> str:
    low, middle, high = values.quantile([0.05, 0.5, 0.95])
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def figure(real: pd.DataFrame, generated: pd.DataFrame, path: Path) -> None:
    """Draw compactness against roughness, in 2-D and in 3-D."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, panels = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for axes, panel in zip((2, 3), panels, strict=True):
        for title, data, marker in (("round", generated, "o"), ("irregular", generated, "^"), ("real", real, "x")):
            rows = data[data["axes"] == axes]
            rows = rows if title == "real" else rows[rows["mask"] == title]
            panel.scatter(rows["compactness"], rows["roughness"], s=22, marker=marker, alpha=0.7, label=title)
        panel.set_xlabel("compactness" if axes == 2 else "sphericity")
        panel.set_ylabel("roughness")
        panel.set_title("axial slices" if axes == 2 else "volumes")
    panels[0].legend(title="masks")
    drawing.savefig(path, dpi=110)
    pyplot.close(drawing)


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("docs/explanation/lesion-shape"), show_default=True
)
@click.option("--real", "folder", type=click.Path(path_type=Path, exists=True), help="Folder of real lesion masks.")
@click.option(
    "--samples", default=40, show_default=True, type=click.IntRange(1), help="Samples, in 2-D and in 3-D each."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
def main(output: Path, folder: Path | None, samples: int, seed: int) -> None:
    """Write the figure, the table and what was measured."""
    output.mkdir(parents=True, exist_ok=True)
    if folder is not None:
        real_shapes(folder).to_csv(output / REAL, index=False)
    if not (output / REAL).exists():
        raise DatasetError(f"{output / REAL} is not there: measure real masks first, with --real FOLDER.")
    generated_shapes(samples, seed).to_csv(output / GENERATED, index=False)
    real, generated = pd.read_csv(output / REAL), pd.read_csv(output / GENERATED)
    (output / TABLE).write_text(table(real, generated), encoding="utf-8")
    figure(real, generated, output / FIGURE)
    click.echo(f"Wrote {output / FIGURE} and {output / TABLE}")


if __name__ == "__main__":
    main()
