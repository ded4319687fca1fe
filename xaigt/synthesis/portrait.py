"""A picture of what a recipe makes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from xaigt.dataset.reading import load
from xaigt.report.pictures import gallery
from xaigt.synthesis.generate import Progress, generate
from xaigt.synthesis.loading import AnyRecipe

SAMPLES = 6


def draw(
    recipe: AnyRecipe, path: Path, *, samples: int = SAMPLES, seed: int = 0, progress: Progress | None = None
) -> Path:
    """Generate a few samples of a recipe, draw them, and keep nothing but the picture.

    Parameters
    ----------
    recipe
        What to make.
    path
        PNG to write.
    samples, seed
        How many samples are drawn, and from which seed.
    progress
        Called with the samples done and the samples wanted.
    """
    with tempfile.TemporaryDirectory(prefix="xaigt-recipe-") as folder:
        made = generate(recipe, Path(folder) / recipe.name, samples=samples, seed=seed, progress=progress)
        return gallery(load(made), path, columns=samples)
