"""Out-of-domain pre-training without any image: categories of fractals that formulas make.

After Kataoka et al., "Pre-training without natural images" (ACCV 2020, arXiv 2101.08515): a category is an iterated
function system, a random set of affine maps chosen with probabilities in proportion to their determinants; instances
vary one parameter by up to 20 % and are mirrored. Unlike theirs, an image shows the density of the points, the maps
are made contractive rather than filtered, and there are 2 or 3 axes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.models.arms import Context, Start, options
from xaigt.models.arms.pretraining import pretrained
from xaigt.models.errors import ModelError
from xaigt.models.inputs import Images, fit_scaling
from xaigt.models.settings import Settings
from xaigt.randomness import stream

Array = npt.NDArray[np.float64]
DEFAULTS: dict[str, Any] = {"categories": 50, "instances": 40, "epochs": 20}
CHAINS, BURN_IN, MOST_STEPS = 1000, 20, 200
LARGEST_NORM = 0.95  # of a map, so that no orbit escapes
LEAST_FILL = 0.05  # share of the pixels that a category must reach: Kataoka's filter against dust
WEIGHTS = (0.8, 0.9, 1.0, 1.1, 1.2)
VALIDATION = 5  # every fifth instance


def start(context: Context) -> Start:
    """Train on fractals, or take it from the cache."""
    chosen = options(context, DEFAULTS)
    if chosen["categories"] < 2 or chosen["instances"] < VALIDATION:
        raise ModelError(f"arm fractal: needs 2 categories and {VALIDATION} instances or more.")

    def make(folder: Path, seed: int, settings: Settings) -> dict[str, Images]:
        return _images(seed, chosen["categories"], chosen["instances"], context.size)

    return pretrained(context, chosen, make, outputs=chosen["categories"], epochs=chosen["epochs"], head="k-logit")


def _images(seed: int, categories: int, instances: int, size: tuple[int, ...]) -> dict[str, Images]:
    pixels = np.empty((categories * instances, *size), np.float32)
    for category in range(categories):
        maps, shifts = draw_category(seed, category, size)
        for instance in range(instances):
            rng = stream(seed, category * instances + instance, "instance")
            pixels[category * instances + instance] = _instance(rng, maps, shifts, size)
    labels = torch.arange(categories).repeat_interleave(instances)
    numbers = np.arange(len(pixels))
    held_out = numbers % instances % VALIDATION == VALIDATION - 1
    splits = {
        name: Images(pixels[rows], labels[torch.from_numpy(rows)], numbers[rows], name)
        for name, rows in (("train", ~held_out), ("val", held_out))
    }
    scaling = fit_scaling(splits["train"])
    for images in splits.values():
        images.scaling = scaling
    return splits


def draw_category(seed: int, category: int, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Maps ``[K, d, d]`` and shifts ``[K, d]`` of one category, K of 2 to 8, that fill enough of an image.

    The first of 50 draws that fills :data:`LEAST_FILL` of the pixels, else the fullest of them.
    """
    dim = len(size)
    rng = stream(seed, category, "category")
    best: tuple[float, Array, Array] | None = None
    for _ in range(50):
        count = int(rng.integers(2, 9))
        maps, shifts = contractive(rng.uniform(-1, 1, (count, dim, dim))), rng.uniform(-1, 1, (count, dim))
        fill = float((density(rng, maps, shifts, (32,) * dim) > 0).mean())
        if best is None or fill > best[0]:
            best = fill, maps, shifts
        if fill >= LEAST_FILL:
            break
    assert best is not None
    return best[1], best[2]


def contractive(maps: Array) -> Array:
    """Scale maps whose largest singular value is above :data:`LARGEST_NORM` down to it."""
    norms = np.linalg.svd(maps, compute_uv=False)[:, 0]
    return maps * np.minimum(1, LARGEST_NORM / norms)[:, None, None]


def density(rng: np.random.Generator, maps: Array, shifts: Array, size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Logarithm of the number of points in each pixel, 0..1: many short orbits of the chaos game at once."""
    weights = np.abs(np.linalg.det(maps)) + 1e-3
    pixels = int(np.prod(size))
    steps = min(max(pixels * 2 // CHAINS, 20), MOST_STEPS)
    choice = rng.choice(len(maps), (BURN_IN + steps, CHAINS), p=weights / weights.sum())
    points = np.zeros((CHAINS, len(size)))
    found = np.empty((steps, CHAINS, len(size)))
    for step, chosen in enumerate(choice):
        points = np.einsum("cij,cj->ci", maps[chosen], points) + shifts[chosen]
        if step >= BURN_IN:
            found[step - BURN_IN] = points
    flat = found.reshape(-1, len(size))
    low, high = flat.min(0), flat.max(0)
    index = ((flat - low) / np.maximum(high - low, 1e-9) * (np.array(size) - 1)).astype(np.int64)
    counts = np.bincount(np.ravel_multi_index(tuple(index.T), size), minlength=pixels).reshape(size)
    bright = np.log1p(counts)
    return (bright / max(bright.max(), 1e-9)).astype(np.float32)


def _instance(rng: np.random.Generator, maps: Array, shifts: Array, size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """One image of a category: one parameter weighted in all maps, and mirrored axes."""
    everything = np.concatenate([maps, shifts[:, :, None]], axis=2).copy()
    row, column = rng.integers(everything.shape[1]), rng.integers(everything.shape[2])
    everything[:, row, column] *= rng.choice(WEIGHTS)
    image = density(rng, contractive(everything[:, :, :-1]), everything[:, :, -1], size)
    mirrored = tuple(int(axis) for axis in np.flatnonzero(rng.random(len(size)) < 0.5))
    return np.ascontiguousarray(np.flip(image, mirrored))
