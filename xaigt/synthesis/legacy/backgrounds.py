"""Backgrounds: axial, skull-stripped slices, scaled to [0, 0.7].

The slices of the study are of the Human Connectome Project and may not be passed on. In their place stands the MNI
average brain seen through drawn subjects, with noise.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.fields import CHANNELS, load_fields
from xaigt.anatomy.subjects import Subject, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.distributions import draw
from xaigt.randomness import stream, subseed, white_noise
from xaigt.schema import Strict
from xaigt.synthesis.legacy.blend import BRAIN_TOP
from xaigt.synthesis.legacy.recipe import LegacyRecipe
from xaigt.volume import Grid

Image = npt.NDArray[np.float64]


class Background(Strict):
    """The drawn numbers of one slice. `number` names it: two images with the same number have the same slice."""

    number: int
    template: str
    subject: Subject
    slice_mm: float
    noise: float
    noise_seed: int


def draw_background(recipe: LegacyRecipe, seed: int, number: int) -> Background:
    """Draw a slice; it depends on nothing but these three arguments."""
    template = recipe.templates[0]
    noise = stream(seed, number, "noise")
    return Background(
        number=number,
        template=template,
        subject=draw_subject(stream(seed, number, "subject"), recipe.subject, load_fields(template).levels),
        slice_mm=draw(stream(seed, number, "slice"), recipe.slice_mm),
        noise=draw(noise, recipe.noise),
        noise_seed=subseed(noise),
    )


def slice_of(background: Background, grid: Grid) -> Image:
    """Image ``[y, x]`` of a slice: 0 outside the brain, above 0 inside, the largest value 0.7."""
    read = read_channels(background, grid)
    subject = background.subject
    levels = {"grey": subject.grey_hu, "white": subject.white_hu, "csf": subject.csf_hu, "soft": 1.0}
    image = sum(read[name] * level for name, level in levels.items())
    image = image / image.max() + background.noise * white_noise(background.noise_seed, image.shape)
    brain = read["depth"] > 0
    smallest = math.ulp(1.0)  # the brain is where the slice is above 0, also where noise says otherwise
    image = np.where(brain, np.maximum(image, smallest), 0)
    return image / image.max() * BRAIN_TOP


def read_channels(background: Background, grid: Grid) -> dict[str, Image]:
    """Fields of the subject on the pixels of its slice, ``[y, x]`` each."""
    device = torch.device("cpu")  # places hang on the brain's exact pixels: they must not depend on the device
    fields = load_fields(background.template)
    anatomy = Anatomy.of(fields, background.subject, device)
    z, y, x = (torch.from_numpy(axis.astype(np.float32)) for axis in grid.at(background.slice_mm).axes())
    points = torch.stack(torch.meshgrid(z, y, x, indexing="ij"), -1)
    values = load_fields(background.template, grid.voxel).sampler(device)(anatomy.map.to_template(points))
    return {name: value[0].double().numpy() for name, value in zip(CHANNELS, values, strict=True)}
