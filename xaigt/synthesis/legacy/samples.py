"""From the plan of a published image to its arrays and rows. Deterministic; no decision is made here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.dataset.layout import ALTERED
from xaigt.synthesis.legacy.backgrounds import read_channels, slice_of
from xaigt.synthesis.legacy.blend import BOX_VALUE, BRAIN_TOP, Placed, blend, lay, nearest, shrink, truth
from xaigt.synthesis.legacy.plan import LegacyPlan, PlannedBlob, template_pixels
from xaigt.synthesis.legacy.recipe import SCALE, LegacyRecipe
from xaigt.synthesis.measure import Ruler, described
from xaigt.synthesis.render import Rendered
from xaigt.synthesis.stored import compartments

MINIMUM_CNR = 1.0
Image = npt.NDArray[np.float64]


def render(plan: LegacyPlan, recipe: LegacyRecipe) -> Rendered:
    """Compute the arrays of one image, always on the CPU, and measure its lesions."""
    fields, ground = load_fields(plan.template), plan.ground
    frame, grid = (one(fields.centre).at(plan.slice_mm) for one in (recipe.grid.source, recipe.grid.resolve))
    background = slice_of(ground, frame)
    box_value = BOX_VALUE if recipe.defects.visible_boxes else 0.0
    planted = [item for item in plan.lesions if item.planted]
    placed = [_placed(recipe, plan.label, item) for item in planted]
    exchanged = [_placed(recipe, 1 - plan.label, item) for item in plan.lesions if item.swapped]
    twin, image, swapped = (_stored(blend(background, lay(items, box_value))) for items in ([], placed, exchanged))
    numbers = truth(placed)
    changed = np.abs(image.astype(np.int32) - twin) > recipe.epsilon
    read = {name: torch.from_numpy(values) for name, values in read_channels(ground, frame).items()}
    arrays: dict[str, npt.NDArray[Any]] = {
        "image": image,
        "twin": twin,
        "lesion": numbers,
        "altered": np.where(changed, np.where(numbers > 0, ALTERED["lesion"], ALTERED["blur"]), 0).astype(np.uint8),
        "support": nearest(background > 0).astype(np.uint8),
        "compartment": nearest(compartments(read)),
        "other": np.zeros_like(numbers),
        "swapped": swapped,
        "swapped_lesion": truth(exchanged),
    }
    ruler = Ruler(grid, Anatomy.of(fields, plan.subject, torch.device("cpu")), noise_sd(plan))
    rows = []
    for instance, item in enumerate(planted, start=1):
        found = ruler.measure((numbers == instance)[None], image[None], twin[None], MINIMUM_CNR)
        rows.append({"role": item.role, "group": item.group, "instance": instance} | described(item.lesion) | found)
    return Rendered(arrays, rows)


def noise_sd(plan: LegacyPlan) -> float:
    """SD of the noise of a slice before it is resized, in stored units."""
    return plan.noise * BRAIN_TOP * SCALE


def _placed(recipe: LegacyRecipe, label: int, item: PlannedBlob) -> Placed:
    lesion = item.lesion
    return Placed(template_pixels(recipe.defects, label, lesion.template), lesion.row, lesion.column)


def _stored(image: Image) -> npt.NDArray[np.int16]:
    return np.round(shrink(image) * SCALE).astype(np.int16)
