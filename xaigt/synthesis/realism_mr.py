"""Generated MR lesions beside published numbers: a figure and a table a family, as pages of the documentation.

::

    python -m xaigt.synthesis.realism_mr --output docs/explanation [--real FOLDER]

Shapes of real stroke masks are measured from the NIfTI files of FOLDER; without it, the values that were written
beside the page the last time are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import ndimage

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.distributions import Integers
from xaigt.errors import XaigtError
from xaigt.lesions import Lesion, family
from xaigt.lesions.signal import MR_WHITE
from xaigt.shape import boundary, compactness
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.loading import composed, load_recipe
from xaigt.synthesis.published import PUBLISHED, Published
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.render import render
from xaigt.volume import read_nifti

Values = npt.NDArray[np.float64]
SHAPE_STEP_MM = 2.0
SMOOTH_MM = 4.0  # SD of the Gaussian that a mask is compared with, for its roughness
LEAST_VOXELS = 12  # whole-lesion means of fewer voxels are partial volume only
_LOAD = (10, 80)


@dataclass(frozen=True)
class Sizes:
    """How much is generated."""

    samples: int = 160
    rendered: int = 24
    shapes: int = 24
    seed: int = 7


@dataclass(frozen=True)
class Drawn:
    """Lesions of one recipe, as drawn in whole volumes, with the template they were drawn in."""

    recipe: Recipe
    lesions: list[Lesion]
    worlds: list[Anatomy]
    loads: Values


MEASURES: dict[str, Callable[[Drawn], Values]] = {
    "volume": lambda drawn: np.array([lesion.volume_mm3 for lesion in drawn.lesions]),
    "diameter": lambda drawn: np.cbrt(6 / np.pi * np.array([lesion.volume_mm3 for lesion in drawn.lesions])),
    "load of 10 to 80": lambda drawn: drawn.loads,
    "value": lambda drawn: _field(drawn, "value"),
    "value of the core": lambda drawn: _field(drawn, "core_value"),
    "value of the oedema": lambda drawn: 1 + _field(drawn, "oedema"),
}
"""Quantities of the table: mm3, mm, mL, and image values over white matter (CT: HU)."""


def _field(drawn: Drawn, name: str) -> Values:
    unit = 1.0 if drawn.recipe.modality == "CT" else MR_WHITE
    return np.array([getattr(lesion, name) for lesion in drawn.lesions]) / unit


def recipe_for(name: str, contrast: str | None = None, *, dim: int) -> Recipe:
    """Recipe of a family in a contrast (default: its own), on 1 mm pixels."""
    changes: dict[str, Any] = {"grid.dim": dim}
    if contrast is not None and contrast != load_recipe(name).modality:
        changes |= {"modality": contrast, "templates": [f"mni152-{contrast.lower().removesuffix('w')}"]}
    return composed(load_recipe(name, changes=changes))


def drawn(name: str, contrast: str | None, sizes: Sizes) -> Drawn:
    """Draw the lesions of whole volumes; for the load, as many as a patient has."""
    recipe = recipe_for(name, contrast, dim=3)
    lesions: list[Lesion] = []
    worlds: list[Anatomy] = []
    for sample in range(sizes.samples):
        plan = draw_plan(recipe, sizes.seed, sample)
        fields = load_fields(plan.template)
        lesions += [item.lesion for item in plan.lesions]
        worlds += [Anatomy.of(fields, plan.subject, torch.device("cpu"))] * len(plan.lesions)
    return Drawn(recipe, lesions, worlds, _loads(recipe, sizes) if name == "ms" else np.zeros(0))


def _loads(recipe: Recipe, sizes: Sizes) -> Values:
    """Total volume (mL) of as many lesions as a patient has; sizes only, no place."""
    group = recipe.lesions[0]
    kind, parameters = family(group.family), group.recipe()
    rng, count = np.random.default_rng(sizes.seed), Integers(integers=_LOAD)
    volume: Callable[[np.random.Generator, Any], float] = kind.volume  # type: ignore[attr-defined]
    loads = [sum(volume(rng, parameters) for _ in range(count.draw(rng))) / 1000 for _ in range(200)]
    return np.array(loads)


def seen(name: str, contrast: str, sizes: Sizes) -> tuple[Values, list[dict[str, Any]]]:
    """Whole-lesion means in rendered 2-D samples (over white matter; CT: HU), and three of the samples."""
    recipe = recipe_for(name, contrast, dim=2)
    unit = 1.0 if contrast == "CT" else MR_WHITE
    means: list[float] = []
    pictures: list[dict[str, Any]] = []
    for sample in range(sizes.rendered):
        plan = draw_plan(recipe, sizes.seed, sample)
        if plan.label == 0:
            continue
        grid = recipe.grid.resolve(load_fields(plan.template).centre)
        result = render(plan, grid, recipe, torch.device("cpu"))
        means += [row["mean"] / unit for row in result.lesions if row["voxels"] >= LEAST_VOXELS]
        if len(pictures) < 3:
            pictures.append({"image": result.arrays["image"], "lesion": result.arrays["lesion"], "modality": contrast})
    return np.array(means), pictures


def shape_of(mask: npt.NDArray[np.bool_], step: float) -> dict[str, float]:
    """Volume, compactness and roughness of a mask of cubic voxels (`step` mm).

    Roughness is the surface over that of the mask smoothed by a Gaussian of 4 mm SD and cut at one half: 1 for what is
    as smooth as that.
    """
    spacing = (step, step, step)
    padded = np.pad(mask, math.ceil(3 * SMOOTH_MM / step)).astype(np.float32)
    smooth = ndimage.gaussian_filter(padded, SMOOTH_MM / step) >= 0.5
    surface = boundary(smooth, spacing)
    return {
        "volume_ml": float(mask.sum()) * step**3 / 1000,
        "compactness": compactness(mask, spacing),
        "roughness": boundary(mask, spacing) / surface if surface > 0 else math.nan,
    }


def generated_shapes(found: Drawn, count: int) -> pd.DataFrame:
    """Shapes of drawn lesions on voxels of 2 mm."""
    rows = []
    for world, lesion in list(zip(found.worlds, found.lesions, strict=True))[:count]:
        kind = family(lesion.family)
        edge = torch.arange(-kind.reach(lesion), kind.reach(lesion), SHAPE_STEP_MM)
        points = torch.stack(torch.meshgrid(*(edge + c for c in lesion.centre_mm), indexing="ij"), -1)
        core = kind.footprint(lesion, world, points, SHAPE_STEP_MM).core
        rows.append(shape_of((core >= 0.5).numpy(), SHAPE_STEP_MM))
    return pd.DataFrame(rows)


def real_shapes(folder: Path) -> pd.DataFrame:
    """Shapes of the real lesion masks (NIfTI, 1 mm) of a folder: files whose name has ``lesion`` in it.

    Raises
    ------
    XaigtError
        If there is none.
    """
    rows = []
    for path in sorted(folder.glob("*esion*.nii*")):
        mask, affine = read_nifti(path)
        if len(np.unique(mask)) != 2:
            continue
        step = round(abs(float(np.linalg.det(affine[:3, :3]))) ** (1 / 3), 3)
        every = max(1, round(SHAPE_STEP_MM / step))
        blocks = [size // every * every for size in mask.shape]
        cut = mask[: blocks[0], : blocks[1], : blocks[2]] > 0
        mean = cut.reshape(*(n for size in blocks for n in (size // every, every))).mean((1, 3, 5))
        rows.append({"mask": path.name, **shape_of(mean >= 0.5, step * every)})
    if not rows:
        raise XaigtError(f"{folder}: holds no mask of two values named *lesion*.nii or .nii.gz.")
    return pd.DataFrame(rows)


def compare(item: Published, values: Values) -> str:
    """Say how generated values lie to a published quantity."""
    if item.kind == "shares":
        edges = np.array(item.value)
        shares = np.histogram(values, edges)[0] / len(values)
        published = np.array(item.counts) / sum(item.counts)
        return f"largest difference of a class {100 * np.abs(shares - published).max():.1f} %"
    if item.kind == "mean and SD":
        return f"mean differs by {values.mean() - item.value[0]:+.3f}"
    slack = 0.02 * abs(item.value[0])  # volumes are resolved within 3 %, diameters within 1 %
    inside = (values >= item.value[0] - slack) & (values <= item.value[1] * 1.02 + 1e-6)
    return f"{100 * inside.mean():.0f} % inside"


def published_of(name: str) -> list[Published]:
    """Rows of the table that belong to a family."""
    return [item for item in PUBLISHED if item.family == name]


if __name__ == "__main__":
    from xaigt.synthesis.realism_page import main

    main()
