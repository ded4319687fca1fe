"""Generating lesions one by one, and measuring them as a reader of 5 mm slices would."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from xaigt import execution
from xaigt.lesions import family
from xaigt.synthesis.drawing import draw_plan
from xaigt.synthesis.realism.targets import (
    EXTENT_AT_ML,
    EXTENT_TOLERANCE,
    HU_TAIL_TOLERANCE,
    HU_TOLERANCE,
    LEAST_ML,
    TAIL_TOLERANCE,
    TARGETS,
    VOLUME_TOLERANCE,
)
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.render import render
from xaigt.volume import Grid

SLICE_MM, PIXEL_MM = 5.0, 2.5
BRIGHTEST_HU = 100.0  # a reader takes what is brighter for bone, not for blood
SMALLEST_ML = 0.1  # clusters below it are left out: three voxels
_BLOCK = 25


def observe(recipe: Recipe, name: str, count: int, *, seed: int = 0, workers: int = 1) -> pd.DataFrame:
    """Generate lesions of one family, one a case, and measure each on 5 mm slices, cluster by cluster.

    Parameters
    ----------
    recipe
        Whose group of that family is used, alone.
    name
        The family.
    count
        How many cases.
    seed, workers
        Of the samples; processes.

    Returns
    -------
    pandas.DataFrame
        A row a connected cluster of the mask (26 neighbours, 0.1 mL or more): case, family, stage, case_ml (nominal,
        of the whole lesion), ml (of the cluster's voxels), hu (their mean, bone left out), extent_z_mm (slices of 5 mm
        that show it); a case without any cluster has one row without ml.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    blocks = range((count + _BLOCK - 1) // _BLOCK)
    alone = _alone(recipe, name)
    execution.run(
        partial(_block, alone.written_out(), count, seed),
        blocks,
        on_done=found.__setitem__,
        key="block {}".format,
        workers=workers,
    )
    return pd.DataFrame([row for block in blocks for row in found[block]])


def _alone(recipe: Recipe, name: str) -> Recipe:
    data = recipe.written_out()
    data["lesions"] = [group for group in data["lesions"] if group["family"] == name][:1]
    data["choose"] = None
    data["grid"] = {"dim": 3}
    return Recipe.model_validate(data)


def _block(written: dict[str, Any], count: int, seed: int, block: int) -> list[dict[str, Any]]:
    recipe = Recipe.model_validate(written)
    samples = range(block * _BLOCK, min(count, (block + 1) * _BLOCK))
    return [row for sample in samples for row in _measured(recipe, seed, sample)]


def _measured(recipe: Recipe, seed: int, sample: int) -> list[dict[str, Any]]:
    plan = draw_plan(recipe, seed, sample)
    item = plan.lesions[0].model_copy(update={"planted": True})  # negatives draw theirs too
    reach = family(item.lesion.family).reach(item.lesion) + PIXEL_MM
    slices, pixels = 2 * int(np.ceil(reach / SLICE_MM)) + 1, 2 * int(np.ceil(reach / PIXEL_MM)) + 1
    z, y, x = item.lesion.centre_mm
    # Slices lie where the scanner puts them, not where the lesion is.
    raster = SLICE_MM * round(z / SLICE_MM)
    grid = Grid((slices, pixels, pixels), (SLICE_MM, PIXEL_MM, PIXEL_MM), SLICE_MM, (x, y, raster))
    arrays = render(plan.model_copy(update={"lesions": (item,)}), grid, recipe, torch.device("cpu")).arrays
    case = {
        "case": sample,
        "family": item.lesion.family,
        "stage": getattr(item.lesion, "stage", None),
        "case_ml": item.lesion.volume_mm3 / 1000,
    }
    labels, number = ndimage.label(arrays["lesion"] > 0, np.ones((3, 3, 3)))
    rows = []
    for cluster in range(1, number + 1):
        mask = labels == cluster
        ml = float(mask.sum()) * grid.voxel_volume / 1000
        blood = arrays["image"][mask & (arrays["image"] <= BRIGHTEST_HU)]
        if ml >= SMALLEST_ML and blood.size:
            extent = float(mask.any((1, 2)).sum()) * SLICE_MM
            rows.append({**case, "ml": ml, "hu": float(blood.mean()), "extent_z_mm": extent})
    return rows or [{**case, "ml": np.nan, "hu": np.nan, "extent_z_mm": np.nan}]


def compare(clusters: pd.DataFrame) -> pd.DataFrame:
    """Set the lesions of one family beside its target.

    Parameters
    ----------
    clusters
        From :func:`observe`.

    Returns
    -------
    pandas.DataFrame
        A row a figure: family, figure, real, generated, tolerance (in the figure's own unit), met.
    """
    name = str(clusters["family"].iloc[0])
    target = TARGETS[name]
    hu = clusters.loc[clusters["ml"] >= LEAST_ML, "hu"]
    cases = clusters.groupby("case")["case_ml"].first()
    rows = [
        ("HU, mean", target.hu[0], hu.mean(), HU_TOLERANCE),
        ("HU, SD", target.hu[1], hu.std(), HU_TOLERANCE),
    ]
    for share, real in zip((0.05, 0.5, 0.95), target.hu_quantiles, strict=True):
        tolerance = HU_TOLERANCE if share == 0.5 else HU_TAIL_TOLERANCE
        rows.append((f"HU, {share:.0%}", real, hu.quantile(share), tolerance))
    for share, real in zip((0.25, 0.5, 0.75, 0.95), target.volume_ml, strict=True):
        relative = TAIL_TOLERANCE if share == 0.95 else VOLUME_TOLERANCE
        rows.append((f"mL a case, {share:.0%}", real, cases.quantile(share), relative * real))
    slope, intercept = extent_fit(clusters)
    for volume in EXTENT_AT_ML:
        real = target.extent_mm(volume)
        rows.append(
            (f"z-extent at {volume:g} mL, mm", real, slope * np.log(volume) + intercept, EXTENT_TOLERANCE * real)
        )
    table = pd.DataFrame(rows, columns=["figure", "real", "generated", "tolerance"])
    table.insert(0, "family", name)
    table["met"] = (table["generated"] - table["real"]).abs() <= table["tolerance"]
    return table


def extent_fit(clusters: pd.DataFrame) -> tuple[float, float]:
    """Slope and intercept of z-extent (mm) on ln V (mL), least squares over clusters."""
    seen = clusters.dropna(subset="ml")
    slope, intercept = np.polyfit(np.log(seen["ml"]), seen["extent_z_mm"], 1)
    return float(slope), float(intercept)
