"""Noise power and sharpness, measured alike in generated images and in real head CT.

Noise: power spectra of squares of white matter, each less its own plane of best fit, averaged and taken round the
directions of the slice. Sharpness along z: how far it takes the inner table at the vertex to rise from 10 to 90 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import ndimage

from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.render import render
from xaigt.volume import Grid, read_nifti

SQUARE = 16  # pixels an edge of a square
WHITE_HU = (18.0, 40.0)  # what a square may hold, smoothed
_SIZE, _STEP_MM = 192, 1.0
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Texture:
    """SD of the noise in HU, its radial power spectrum (HU^2 mm^2) over frequencies (1/mm), and the rise along z."""

    squares: int
    sd: float
    frequency: npt.NDArray[np.float64]
    power: npt.NDArray[np.float64]
    rise_mm: float

    @property
    def mean_frequency(self) -> float:
        """Mean frequency (1/mm), weighted by the two-dimensional power."""
        weight = self.power * self.frequency
        return float((weight * self.frequency).sum() / weight.sum())


def texture_of(volume: Array, spacing: tuple[float, float, float]) -> Texture:
    """Measure one volume ``[z, y, x]`` in HU."""
    smooth = ndimage.gaussian_filter(volume, (0, 3, 3))
    good = ndimage.minimum_filter((smooth > WHITE_HU[0]) & (smooth < WHITE_HU[1]), (1, SQUARE, SQUARE))
    found: list[npt.NDArray[np.float64]] = []
    half = SQUARE // 2
    v, u = np.mgrid[:SQUARE, :SQUARE] / SQUARE - 0.5
    plane = np.stack([np.ones(SQUARE**2), u.ravel(), v.ravel(), (u * u).ravel(), (v * v).ravel(), (u * v).ravel()], 1)
    for z in range(0, volume.shape[0], 4):
        for y in range(half, volume.shape[1] - half, SQUARE):
            for x in range(half, volume.shape[2] - half, SQUARE):
                if good[z, y, x]:
                    square = volume[z, y - half : y + half, x - half : x + half].ravel().astype(np.float64)
                    trend = plane @ np.linalg.lstsq(plane, square, rcond=None)[0]
                    found.append((square - trend).reshape(SQUARE, SQUARE))
    squares = np.stack(found) if found else np.zeros((1, SQUARE, SQUARE))
    power = (np.abs(np.fft.fft2(squares)) ** 2).mean(0) * spacing[1] * spacing[2] / SQUARE**2
    f = np.hypot(np.fft.fftfreq(SQUARE, spacing[1])[:, None], np.fft.fftfreq(SQUARE, spacing[2])[None])
    bins = np.arange(0.5, SQUARE / 2) / (SQUARE * spacing[1])
    number = np.digitize(f.ravel(), bins)
    radial = np.array([power.ravel()[number == i].mean() for i in range(1, len(bins))])
    return Texture(len(found), float(squares.std()), (bins[:-1] + bins[1:]) / 2, radial, _rise(volume, spacing[0]))


def _rise(volume: Array, step: float) -> float:
    """Median distance (mm) over which columns through the vertex rise from 10 to 90 % of the way from brain to bone."""
    z, y, x = volume.shape
    rises = []
    for row in range(y // 2 - 12, y // 2 + 13, 3):
        for column in range(x // 2 - 12, x // 2 + 13, 3):
            line = volume[:, row, column].astype(np.float64)
            top = int(np.argmax(line * (np.arange(z) > 0.6 * z)))
            brain, bone = float(np.median(line[int(0.5 * z) : int(0.7 * z)])), float(line[top])
            if bone < brain + 200:
                continue
            share = (line - brain) / (bone - brain)
            rise = [int(np.flatnonzero(share[:top] < level)[-1]) for level in (0.1, 0.9)]
            low, high = (
                i + (level - share[i]) / max(share[i + 1] - share[i], 1e-6)
                for i, level in zip(rise, (0.1, 0.9), strict=True)
            )
            rises.append((high - low) * step)
    return float(np.median(rises)) if rises else float("nan")


def generated(recipe: Recipe, thickness_mm: float, seed: int = 0) -> tuple[Array, tuple[float, float, float]]:
    """One healthy volume of a recipe at 1 mm in-plane, slices as thick as they are apart."""
    data = recipe.written_out()
    data["grid"] = {"dim": 3}
    whole = Recipe.model_validate(data)
    plan = draw_plan(whole, seed, 0).model_copy(update={"lesions": ()})
    count = int(160 / thickness_mm)
    spacing = (thickness_mm, _STEP_MM, _STEP_MM)
    grid = Grid((count, _SIZE, _SIZE), spacing, thickness_mm, (0.0, -18.0, 22.0))
    return render(plan, grid, whole, torch.device("cpu")).arrays["twin"].astype(np.float32), spacing


def real(path: Path) -> tuple[Array, tuple[float, float, float]]:
    """Read a real CT in HU; in Cormack units (no value below 0, many above 1500) if it looks like that."""
    from xaigt.anatomy.intake import cormack_to_hu

    data, affine = read_nifti(path)
    if data.min() >= 0 and np.percentile(data, 99) > 1500:
        data = cormack_to_hu(data)
    z, y, x = (float(np.linalg.norm(affine[:3, i])) for i in range(3))
    return np.asarray(data, np.float32), (z, y, x)


def textures(recipe: Recipe, scans: list[Path]) -> dict[str, Texture]:
    """Texture of generated volumes at 5 and 1 mm, and of real scans."""
    found = {f"generated, {t:g} mm slices": texture_of(*generated(recipe, t)) for t in (5.0, 1.0)}
    return found | {scan.name: texture_of(*real(scan)) for scan in scans}


def texture_table(recipe: Recipe, scans: list[Path]) -> pd.DataFrame:
    """Rows a volume: squares, SD (HU), mean frequency (1/mm), rise along z (mm)."""
    rows = [
        {
            "volume": name,
            "squares": one.squares,
            "SD, HU": one.sd,
            "mean frequency, 1/mm": one.mean_frequency,
            "rise along z, mm": one.rise_mm,
        }
        for name, one in textures(recipe, scans).items()
    ]
    return pd.DataFrame(rows)


def texture_figure(recipe: Recipe, scans: list[Path], path: Path) -> None:
    """Draw the power spectra."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "xaigt"}):
        drawing = Figure(figsize=(6, 3.5), layout="constrained")
        axis = drawing.subplots()
        for name, one in textures(recipe, scans).items():
            axis.plot(one.frequency, one.power, label=f"{name} (SD {one.sd:.1f} HU)")
        axis.set(xlabel="frequency, 1/mm", ylabel="noise power, HU² mm²", yscale="log")
        axis.legend(fontsize=7)
        drawing.savefig(path, metadata={"Date": None})
