"""Round or irregular lesions that differ in nothing but their shape.

Number of voxels, bounding box, place, peak and the distribution of values inside the mask are drawn without knowledge
of the form and reached exactly: so two lesions of the same streams ``place``, ``size`` and ``contrast``, one round and
one irregular, have them in common, voxel for voxel. The lesion adds to the image inside its mask and nowhere else;
its value rises from the rim to a plateau. Which voxel gets which value is decided by rank: by how much of the lesion
lies near it. So the rim is soft wherever it is, and both forms hold the same values the same number of times.

On a grid of one slice the lesion is as high as the slice; else it is a solid.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from scipy import ndimage

from xaigt.distributions import DIGITS, Number, Uniform, draw
from xaigt.errors import XaigtError
from xaigt.lesions.base import DrawError, Family, Footprint, Lesion, LesionRecipe, Streams, World
from xaigt.lesions.forms import Form, Mask, find_form, form_mask
from xaigt.lesions.room import draw_box
from xaigt.volume import Grid

FEWEST_VOXELS = {2: 30, 3: 100}  # below them round and irregular forms cannot be told apart
FILL = {2: (0.60, 0.66), 3: (0.34, 0.41)}  # share of the box: what both forms can reach
RANGES: dict[str, dict[int, tuple[float, float]]] = {
    "round": {2: (0.80, 0.95), 3: (0.90, 0.97)},
    "irregular": {2: (0.30, 0.45), 3: (0.60, 0.72)},
}
Range = tuple[Annotated[float, Field(gt=0, le=2)], Annotated[float, Field(gt=0, le=2)]]


class ShapeRecipe(LesionRecipe):
    """What a recipe says of lesions whose shape is their class; sources: generators/lesion-shape.yaml.

    Both classes must be given the same values of everything but `form`, `compactness` and `sphericity`.
    """

    family: Literal["shape"] = "shape"
    form: Literal["round", "irregular"] = "round"
    diameter_mm: Annotated[Number, Field(description="of the disc or ball as large as the lesion")] = Uniform(
        uniform=(17.0, 20.0)
    )
    stretch: Annotated[Number, Field(description="edges of the box over their geometric mean, before rounding")] = (
        Uniform(uniform=(0.9, 1.1))
    )
    compactness: Annotated[Range | None, Field(description="2-D: range reached; null: that of the form")] = None
    sphericity: Annotated[Range | None, Field(description="3-D: range reached; null: that of the form")] = None
    contrast: Annotated[Number, Field(description="added at the plateau, in units of the image")] = 100.0
    rim: Annotated[float, Field(gt=0, le=1, description="value of the outermost voxel over that of the plateau")] = 0.25
    plateau: Annotated[float, Field(gt=0, lt=1, description="share of the voxels that have the full contrast")] = 0.5
    margin_mm: Annotated[float, Field(ge=0, description="distance of the box to the border of the parenchyma")] = 0.0

    @model_validator(mode="after")
    def _ranges_rise(self) -> ShapeRecipe:
        for name, bounds in (("compactness", self.compactness), ("sphericity", self.sphericity)):
            if bounds is not None and bounds[0] >= bounds[1]:
                raise ValueError(f"{name}: the first bound must be below the second (given: {list(bounds)})")
        return self

    def range(self, axes: int) -> tuple[float, float]:
        """Range of compactness (2-D) or sphericity (3-D) that the form shall have."""
        return (self.compactness if axes == 2 else self.sphericity) or RANGES[self.form][axes]


class Shape(Lesion):
    """One drawn lesion.

    `box` are the voxels of its box along z, y and x, `voxels` how many of them it fills; `shape` is its form, without
    the z axis where the box is one slice; `target` the compactness or sphericity drawn and `compactness` that reached.
    """

    family: Literal["shape"] = "shape"
    form: Literal["round", "irregular"]
    box: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    voxels: int
    shape: Form | None
    target: float
    compactness: float
    contrast: float
    rim: float
    plateau: float


class ShapeFamily(Family):
    """See the module."""

    name = "shape"
    recipe = ShapeRecipe
    lesion = Shape
    compartments = ("parenchyma",)

    def draw(self, streams: Streams, recipe: ShapeRecipe, world: World) -> Shape:
        grid = _grid(world)
        box, voxels = _draw_size(streams("size"), recipe, grid)
        centre = draw_box(streams("place"), box, grid, world, recipe.margin_mm)
        found = _find(streams("shape"), recipe, box, grid, voxels) if centre is not None else None
        z, y, x = centre or (0.0, 0.0, 0.0)
        volume = voxels * math.prod(grid.spacing)
        half = box[0] * grid.spacing[0] / 2 if box[0] > 1 else 0.0
        return Shape(
            centre_mm=(z, y, x),
            radius_mm=round(_diameter(voxels, grid) / 2, DIGITS),
            volume_mm3=round(volume, DIGITS) if centre is not None else 0.0,
            z_range_mm=(round(z - half / 2, DIGITS), round(z + half / 2, DIGITS)),
            form=recipe.form,
            box=box,
            spacing_mm=grid.spacing,
            voxels=voxels,
            shape=found[0] if found else None,
            target=found[1] if found else 0.0,
            compactness=found[2] if found else 0.0,
            contrast=draw(streams("contrast"), recipe.contrast),
            rim=recipe.rim,
            plateau=recipe.plateau,
        )

    def reach(self, lesion: Shape) -> float:
        return math.hypot(*(count * step / 2 for count, step in zip(lesion.box, lesion.spacing_mm, strict=True)))

    def nominal(self, lesion: Shape, world: World, points: torch.Tensor) -> torch.Tensor:
        return _read(lesion, points) > 0

    def footprint(self, lesion: Shape, world: World, points: torch.Tensor, softness: float) -> Footprint:
        value = _read(lesion, points)
        nothing = torch.zeros_like(value)
        return Footprint((value > 0).to(value.dtype), nothing, nothing, 0.0, add=lesion.contrast * value)


def _grid(world: World) -> Grid:
    if world.grid is None:
        raise XaigtError(
            "family shape: in 2-D the slice must be drawn before its lesions, so that they have exactly the wanted "
            "pixels: give the recipe a slice_mm, such as slice_mm: {uniform: [0, 40]}."
        )
    return world.grid


def _draw_size(rng: np.random.Generator, recipe: ShapeRecipe, grid: Grid) -> tuple[tuple[int, int, int], int]:
    """Box (voxels along z, y and x) and how many of its voxels to fill; the same for both forms."""
    axes = 2 if grid.shape[0] == 1 else 3
    spacing = grid.spacing[-axes:]
    diameter, fill = draw(rng, recipe.diameter_mm), round(float(rng.uniform(*FILL[axes])), DIGITS)
    stretch = np.array([draw(rng, recipe.stretch) for _ in range(3)])[-axes:]
    size = math.pi / 4 * diameter**2 if axes == 2 else math.pi / 6 * diameter**3
    edges = (size / fill) ** (1 / axes) * stretch / stretch.prod() ** (1 / axes)
    counts = [max(2, round(float(edge) / step)) for edge, step in zip(edges, spacing, strict=True)]
    voxels = round(fill * math.prod(counts))
    if voxels < FEWEST_VOXELS[axes] or min(counts) < 4:
        raise DrawError(
            f"family shape: a lesion of {diameter} mm has only {voxels} voxels in a box of {counts} on this grid, too "
            f"few for a shape ({FEWEST_VOXELS[axes]} in boxes of 4 or more an edge are needed): use a finer spacing "
            "or a larger diameter_mm."
        )
    return (1 if axes == 2 else counts[0], counts[-2], counts[-1]), voxels


def _find(
    rng: np.random.Generator, recipe: ShapeRecipe, box: tuple[int, int, int], grid: Grid, voxels: int
) -> tuple[Form, float, float]:
    shape = box[1:] if box[0] == 1 else box
    wanted = recipe.range(len(shape))
    found = find_form(rng, recipe.form, shape, grid.spacing[-len(shape) :], voxels, wanted)
    if found is None:
        # Drawn again: the whole lesion, in both classes where they share it, so that sizes do not depend on the class.
        raise DrawError(
            f"family shape: no {recipe.form} form of {voxels} voxels in a box of {list(shape)} has a "
            f"{'compactness' if len(shape) == 2 else 'sphericity'} of {wanted[0]} to {wanted[1]}: widen the range, "
            "use a finer spacing or a larger diameter_mm."
        )
    return found


def _diameter(voxels: int, grid: Grid) -> float:
    """Diameter (mm) of the disc or ball of as many voxels."""
    if grid.shape[0] == 1:
        return 2 * math.sqrt(voxels * grid.spacing[1] * grid.spacing[2] / math.pi)
    return (6 * voxels * math.prod(grid.spacing) / math.pi) ** (1 / 3)


def _read(lesion: Shape, points: torch.Tensor) -> torch.Tensor:
    """Value of the lesion (0 outside, 1 at the plateau) at points ``[..., 3]``: that of the voxel they lie in."""
    values = torch.from_numpy(_values(lesion)).to(points.device)
    inside = torch.ones(points.shape[:-1], dtype=torch.bool, device=points.device)
    index = []
    for axis, (count, step) in enumerate(zip(lesion.box, lesion.spacing_mm, strict=True)):
        place = torch.floor((points[..., axis] - lesion.centre_mm[axis]) / step + count / 2).long()
        inside &= (place >= 0) & (place < count)
        index.append(place.clamp(0, count - 1))
    return torch.where(inside, values[index[0], index[1], index[2]], torch.zeros((), device=points.device))


def voxels_of(lesion: Shape) -> Mask:
    """Voxels ``[z, y, x]`` of the box of a lesion that belong to it."""
    return _values(lesion) > 0


@lru_cache(maxsize=64)
def _values(lesion: Shape) -> npt.NDArray[np.float32]:
    """Value of every voxel of the box ``[z, y, x]``; the same set of values for every form of as many voxels."""
    if lesion.shape is None:
        return np.zeros(lesion.box, np.float32)
    flat = lesion.box[0] == 1
    mask = form_mask(lesion.shape, lesion.box[1:] if flat else lesion.box).reshape(lesion.box)
    quantile = (np.arange(lesion.voxels) + 0.5) / lesion.voxels / (1 - lesion.plateau)
    ramp = np.clip(quantile, 0, 1)
    values = np.zeros(lesion.box, np.float32)
    values[mask] = (lesion.rim + (1 - lesion.rim) * ramp * ramp * (3 - 2 * ramp))[_ranks(mask, lesion)]
    return values


def _ranks(mask: Mask, lesion: Shape) -> npt.NDArray[np.intp]:
    """Ranks of the voxels of a mask by how much of the lesion lies near them, the outermost first."""
    width = lesion.radius_mm / 6
    sd = [0.0 if count == 1 else width / step for count, step in zip(lesion.box, lesion.spacing_mm, strict=True)]
    near = ndimage.gaussian_filter(mask.astype(float), sd, mode="constant")[mask]
    # Rounded: ties are broken by place, not by the last bit.
    return np.argsort(np.argsort(np.round(near, 9), kind="stable"), kind="stable")


FAMILY = ShapeFamily()
