"""Plans: every decision about one sample, as plain numbers; what provenance keeps and rendering reads."""

from __future__ import annotations

from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.subjects import Subject
from xaigt.schema import Strict
from xaigt.synthesis.acquisition import Acquisition
from xaigt.synthesis.effects import Effect
from xaigt.synthesis.placing import PlannedLesion
from xaigt.synthesis.recipe import Recipe
from xaigt.volume import Grid


class Plan(Strict):
    """Everything that makes one sample: what provenance keeps and regeneration reads.

    `slice_mm` is the height of the slice of a 2-D sample (scanner space), else None.
    """

    sample: int
    seed: int
    label: int
    template: str
    fields: str
    subject: Subject
    lesions: tuple[PlannedLesion, ...]
    slice_mm: float | None
    effects: tuple[Effect, ...]
    contrast_to_noise: float | None
    acquisition: Acquisition
    mass_effect: float = 0.0


def sampling_grid(recipe: Recipe, slice_mm: float | None = None) -> Grid:
    """Voxels of a sample of a recipe, at the height of its slice."""
    grid = recipe.grid.resolve(load_fields(recipe.templates[0]).centre)
    return grid if slice_mm is None else grid.at(slice_mm)
