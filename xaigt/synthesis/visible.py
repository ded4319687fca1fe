"""Whether the lesions of a plan can be seen: decided before its class says which of them are planted."""

from __future__ import annotations

import numpy as np
import torch

from xaigt.lesions import Lesion, family
from xaigt.synthesis.plan import Plan
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.render import render
from xaigt.volume import Grid


def seen(plan: Plan, recipe: Recipe, grid: Grid) -> bool:
    """Whether every lesion of the class that reaches the grid is visible there, and at least one does.

    Each is rendered alone, planted, on the part of the grid that it can change; planted or not, and whatever else
    lies there. Computed on the CPU: the decision must not depend on the device.
    """
    found = []
    for item in plan.lesions:
        part = _around(grid, item.lesion) if item.role == "lesion" else None
        if part is None:
            continue
        alone = plan.model_copy(
            update={
                "lesions": (item.model_copy(update={"planted": True, "swapped": False}),),
                "slice_mm": None,
                "effects": (),
                "mass_effect": 0.0,
            }
        )
        row = render(alone, part, recipe, torch.device("cpu")).lesions[0]
        if row["voxels"]:
            found.append(row["visible"])
    return bool(found) and all(found)


def _around(grid: Grid, lesion: Lesion) -> Grid | None:
    """Part of a grid that a lesion can change; None if there is none."""
    reach = family(lesion.family).reach(lesion)
    shape, middle = [], []
    for axis, place, extent in zip(grid.axes(), lesion.centre_mm, grid.voxel, strict=True):
        near = axis[np.abs(axis - place) <= reach + extent / 2]
        if near.size == 0:
            return None
        shape.append(len(near))
        middle.append(float(near[0] + near[-1]) / 2)
    z, y, x = middle
    return Grid((shape[0], shape[1], shape[2]), grid.spacing, grid.thickness, (x, y, z))
