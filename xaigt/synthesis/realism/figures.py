"""Pictures and tables of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import ndimage

from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.plan import Plan, sampling_grid
from xaigt.synthesis.realism.lesions import extent_fit
from xaigt.synthesis.realism.targets import LEAST_ML, TARGETS
from xaigt.synthesis.realism.texture import real
from xaigt.synthesis.recipe import DEFAULT_THICKNESS_MM, FIELD_OF_VIEW_MM, Recipe
from xaigt.synthesis.render import render

WINDOW = (0, 80)  # centre 40, width 80
SIZES = (512, 224)


def table_text(table: pd.DataFrame) -> str:
    """Write a table as Markdown."""
    head = [str(column) for column in table.columns]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "**no**"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def figure(clusters: pd.DataFrame, path: Path) -> None:
    """Draw densities, volumes and z-extents of generated lesions beside the real ones."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "xaigt"}):
        drawing = Figure(figsize=(11, 2.1 * len(TARGETS)), layout="constrained")
        axes = drawing.subplots(len(TARGETS), 3, squeeze=False)
        for row, (name, target) in zip(axes, TARGETS.items(), strict=True):
            own = clusters[clusters["family"] == name]
            hu = own.loc[own["ml"] >= LEAST_ML, "hu"]
            row[0].hist(hu, bins=np.arange(0, 100, 4), color="0.7")
            for value in target.hu_quantiles:
                row[0].axvline(value, color="C3")
            for value in hu.quantile([0.05, 0.5, 0.95]):
                row[0].axvline(value, color="0.2", ls=":")
            row[0].set(ylabel=name, xlabel="HU of clusters of 1 mL or more")
            cases = np.sort(own.groupby("case")["case_ml"].first())
            row[1].plot(cases, np.linspace(0, 1, len(cases)), color="0.4")
            row[1].plot(target.volume_ml, (0.25, 0.5, 0.75, 0.95), "o", color="C3")
            row[1].set(xscale="log", xlabel="mL a case", ylabel="share of cases")
            seen = own.dropna(subset="ml")
            jitter = np.random.default_rng(0).uniform(-2, 2, len(seen))
            row[2].plot(seen["ml"], seen["extent_z_mm"] + jitter, ".", ms=2, color="0.7", rasterized=True)
            volumes = np.geomspace(0.3, 80, 30)
            slope, intercept = extent_fit(own)
            row[2].plot(volumes, slope * np.log(volumes) + intercept, ":", color="0.2")
            row[2].plot(volumes, target.extent[0] * np.log(volumes) + target.extent[1], color="C3")
            row[2].set(xscale="log", xlabel="mL of a cluster", ylabel="z-extent, mm", ylim=(0, 110))
        drawing.suptitle("red: real (BHSD); grey: generated, dotted their quantiles and fit")
        drawing.savefig(path, dpi=120, metadata={"Date": None})


def windows(recipe: Recipe, scans: list[Path], path: Path, columns: int = 5, seed: int = 7) -> None:
    """Draw positives in the brain window (40/80) on 512 and on 224 pixels, the same samples, beside real scans.

    Parameters
    ----------
    recipe
        Whose positives are drawn, one of each family.
    scans
        Real head CT in HU, each shown as one slice of 5 mm through its middle, read on the same pixels.
    path
        Where to write the PNG.
    columns
        Families.
    seed
        Of the samples.
    """
    from matplotlib.figure import Figure

    pictures = {size: _with_size(recipe, size) for size in SIZES}
    plans = _one_of_each(pictures[SIZES[0]], seed, columns)
    drawing = Figure(figsize=(3.2 * (columns + len(scans)), 3.4 * len(SIZES)), layout="constrained")
    axes = drawing.subplots(len(SIZES), columns + len(scans), squeeze=False)
    for row, (size, own) in zip(axes, pictures.items(), strict=True):
        shown = []
        for plan in plans:
            first = next(item.lesion for item in plan.lesions if item.role == "lesion")
            image = render(plan, sampling_grid(own), own, torch.device("cpu")).arrays["image"]
            shown.append((image, f"{first.family}, {first.volume_mm3 / 1000:.1f} mL"))
        shown += [(real_slice(scan, size), f"real: {scan.name[:28]}") for scan in scans]
        for axis, (image, title) in zip(row, shown, strict=True):
            axis.imshow(image, cmap="gray", vmin=WINDOW[0], vmax=WINDOW[1], interpolation="nearest")
            axis.set_title(f"{title}, {size} x {size}", fontsize=8)
            axis.set_axis_off()
    drawing.savefig(path, dpi=110)


def real_slice(path: Path, size: int) -> npt.NDArray[np.float32]:
    """One slice of 5 mm through the brain of a real scan (HU), on `size` pixels of 224 mm, in the pose of samples."""
    volume, spacing = real(path)
    inside = np.argwhere((volume > 0) & (volume < WINDOW[1]))
    middle = (inside.min(0) + inside.max(0)) / 2
    low = int(middle[0] - 0.5 * DEFAULT_THICKNESS_MM / spacing[0] + 0.5)
    slab = volume[low : low + max(1, round(DEFAULT_THICKNESS_MM / spacing[0]))].mean(0)
    place = (np.arange(size) + 0.5 - size / 2) * FIELD_OF_VIEW_MM / size
    # Rows run from front to back, columns from the patient's right to the left.
    rows, columns = middle[1] - place / spacing[1], middle[2] - place / spacing[2]
    read = ndimage.map_coordinates(slab, np.meshgrid(rows, columns, indexing="ij"), order=1, cval=-1000.0)
    return np.asarray(read, np.float32)


def _with_size(recipe: Recipe, size: int) -> Recipe:
    data = recipe.written_out()
    data["grid"] = {"dim": 2, "size": size}
    return Recipe.model_validate(data)


def _one_of_each(recipe: Recipe, seed: int, columns: int) -> list[Plan]:
    """Positives with different families, the first of each that comes."""
    found: dict[str, Plan] = {}
    for sample in range(400):
        plan = draw_plan(recipe, seed, sample)
        first = next((item.lesion for item in plan.lesions if item.role == "lesion" and item.planted), None)
        if first is not None and first.volume_mm3 > 4000:
            found.setdefault(first.family, plan)
        if len(found) == columns:
            break
    return list(found.values())
