"""From the plan of a published image to its arrays and rows. Deterministic; no decision is made here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.dataset.layout import ALTERED
from xaigt.synthesis.legacy.backgrounds import Background, read_channels, slice_of
from xaigt.synthesis.legacy.blend import BOX_VALUE, BRAIN_TOP, Placed, blend, lay, shrink, truth
from xaigt.synthesis.legacy.plan import LegacyLesion, LegacyPlan, template_pixels
from xaigt.synthesis.legacy.recipe import SCALE, LegacyRecipe
from xaigt.synthesis.measure import Ruler
from xaigt.synthesis.render import Rendered, compartments
from xaigt.volume import Grid

MINIMUM_CNR = 1.0
FAMILY = "bank-blob"

Image = npt.NDArray[np.float64]


def render(plan: LegacyPlan, recipe: LegacyRecipe) -> Rendered:
    """Compute the arrays of one image, always on the CPU: a background takes milliseconds."""
    centre = load_fields(plan.background.template).centre
    frame, grid = (one(centre).at(plan.background.slice_mm) for one in (recipe.grid.source, recipe.grid.resolve))
    background = slice_of(plan.background, frame)
    box_value = BOX_VALUE if recipe.defects.visible_boxes else 0.0
    placed = [_placed(recipe, plan.label, lesion, swapped=False) for lesion in plan.lesions]
    exchanged = [_placed(recipe, 1 - plan.label, lesion, swapped=True) for lesion in plan.lesions]
    twin, image, swapped = (
        _stored(blend(background, lay(lesions, box_value))) for lesions in ([], placed, exchanged)
    )
    numbers = truth(placed)
    changed = np.abs(image.astype(np.int32) - twin) > recipe.epsilon
    read = {name: torch.from_numpy(values) for name, values in read_channels(plan.background, grid).items()}
    arrays = {
        "image": image,
        "twin": twin,
        "lesion": numbers,
        "altered": np.where(changed, np.where(numbers > 0, ALTERED["lesion"], ALTERED["blur"]), 0).astype(np.uint8),
        "support": (shrink((background > 0).astype(float)) >= 0.5).astype(np.uint8),
        "compartment": compartments(read),
        "other": np.zeros_like(numbers),
        "swapped": swapped,
        "swapped_lesion": truth(exchanged),
    }
    ruler = Ruler(grid, _anatomy(plan.background), noise_sd(plan.background))
    rows = []
    for instance, (lesion, pixels) in enumerate(zip(plan.lesions, placed, strict=True), start=1):
        mask = (numbers == instance)[None]
        row = _described(lesion, pixels, recipe.classes[plan.label], instance, frame)
        rows.append(row | ruler.measure(mask, image[None], twin[None], MINIMUM_CNR))
    return Rendered(arrays, rows)


def noise_sd(background: Background) -> float:
    """SD of the noise of a slice before it is resized, in stored units."""
    return background.noise * BRAIN_TOP * SCALE


def _placed(recipe: LegacyRecipe, label: int, lesion: LegacyLesion, *, swapped: bool) -> Placed:
    if swapped:
        pixels = template_pixels(recipe.defects, label, lesion.swapped_template)
        return Placed(pixels, lesion.swapped_row, lesion.swapped_column)
    return Placed(template_pixels(recipe.defects, label, lesion.template), lesion.row, lesion.column)


def _stored(image: Image) -> npt.NDArray[np.int16]:
    return np.round(shrink(image) * SCALE).astype(np.int16)


def _anatomy(background: Background) -> Anatomy:
    return Anatomy.of(load_fields(background.template), background.subject, torch.device("cpu"))


def _described(lesion: LegacyLesion, placed: Placed, group: str, instance: int, frame: Grid) -> dict[str, Any]:
    """What a row of the table of lesions says beside what is measured."""
    rows, columns = placed.pixels.shape
    middle = np.array([0, lesion.row + (rows - 1) / 2, lesion.column + (columns - 1) / 2, 1])
    x, y, z, _ = frame.affine @ middle
    step = frame.spacing[1]
    return {
        "role": "lesion",
        "group": group,
        "instance": instance,
        "family": FAMILY,
        "volume_mm3": round(int((placed.pixels > 0).sum()) * step * step * frame.thickness, 4),
        "stage": None,
        "centre_z_mm": round(float(z), 4),
        "centre_y_mm": round(float(y), 4),
        "centre_x_mm": round(float(x), 4),
        "parameters": lesion.model_dump_json(),
    }
