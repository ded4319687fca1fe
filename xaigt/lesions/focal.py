"""What lesions that replace a piece of tissue share: a blob at a site, cut to the tissue it arises in."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import field_validator

from xaigt.distributions import DIGITS, Choice, Number, draw
from xaigt.lesions.base import Family, Footprint, Lesion, LesionRecipe, Streams, World
from xaigt.lesions.blobs import Blob, Ellipsoid, draw_ellipsoids, resolve, size_function, sphere_radius
from xaigt.lesions.noise import noise_at
from xaigt.lesions.regions import REGIONS, Range, draw_place
from xaigt.lesions.signal import Signal, draw_value, white_value
from xaigt.lesions.weighted import Points
from xaigt.randomness import subseed

WHITE_SHARE = 0.45  # share of white matter from which a voxel can hold a lesion of white matter
_WHITE_RAMP = 0.3
_SHOWN = 0.5  # of the heights that show a lesion well, those of slices: a thick slice must not miss a small lesion

Tissue = Literal["parenchyma", "white", "brain"]


class FocalRecipe(LesionRecipe):
    """What recipes say of every such family. `texture` is the SD inside, over the contrast with white matter."""

    sites: Choice
    signal: Signal
    axis_ratio: Number
    roughness: Number
    texture: Number
    edge_mm: Number

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: Choice) -> Choice:
        return sites.among(REGIONS)


class Focal(Lesion):
    """One drawn lesion: `value` is its image value, `texture` the SD of that inside."""

    site: str
    shape: Blob
    value: float
    texture: float
    texture_seed: int
    edge_mm: float


class FocalFamily(Family):
    """A blob in one tissue. Subclasses say how large, where, of what form, and how bright."""

    compartments: ClassVar[tuple[str, ...]] = ("parenchyma",)
    smallest_mm3 = 2.0
    lesion: ClassVar[type[Focal]]
    tissue: ClassVar[Tissue] = "parenchyma"

    def volume(self, rng: np.random.Generator, recipe: Any) -> float:
        """Draw the volume in mm3: here that of a sphere of the drawn `diameter_mm`."""
        return float(np.pi / 6 * draw(rng, recipe.diameter_mm) ** 3)

    def sites(self, recipe: Any, radius: float) -> Choice:
        """Sites and weights for a lesion of a radius (mm)."""
        del radius
        return recipe.sites

    def walls(self, radius: float) -> dict[str, Range]:
        """Distances (mm) of centres from the ventricles' walls, for sites at which they depend on the size."""
        del radius
        return {}

    def ellipsoids(
        self, rng: np.random.Generator, recipe: Any, site: str, centre: tuple[float, float, float], world: World
    ) -> tuple[Ellipsoid, ...]:
        """Draw the parts of the blob."""
        del site, centre, world
        return draw_ellipsoids(rng, 1, recipe.axis_ratio)

    def extras(self, streams: Streams, recipe: Any, world: World, wanted: float) -> dict[str, Any]:
        """Draw what this family's lesions have besides."""
        del streams, recipe, world, wanted
        return {}

    def draw(self, streams: Streams, recipe: Any, world: World) -> Focal:
        form, contrast = streams("shape"), streams("contrast")
        wanted = self.volume(streams("size"), recipe)
        radius = sphere_radius(wanted)
        placed = draw_place(streams("place"), self.sites(recipe, radius), world, radius, self.walls(radius))
        site, centre = placed or (next(iter(recipe.sites.choice)), (0.0, 0.0, 0.0))
        blob = Blob(
            centre_mm=centre,
            radius_mm=radius,
            ellipsoids=self.ellipsoids(form, recipe, site, centre, world),
            roughness=draw(form, recipe.roughness),
            noise_seed=subseed(form),
        )
        reached = 0.0
        if placed is not None:
            blob, reached, _ = resolve(blob, partial(_in_tissue, world, self.tissue))
        value = draw_value(contrast, recipe.signal, world, self.name)
        low, high = blob.z_range_mm
        cut = (1 - _SHOWN) / 2 * (high - low)
        return self.lesion(
            family=self.name,
            centre_mm=centre,
            radius_mm=radius,
            volume_mm3=round(reached, DIGITS),
            z_range_mm=(round(low + cut, DIGITS), round(high - cut, DIGITS)),
            site=site,
            shape=blob,
            value=value,
            texture=round(draw(contrast, recipe.texture) * abs(value - white_value(world)), DIGITS),
            texture_seed=subseed(contrast),
            edge_mm=draw(contrast, recipe.edge_mm),
            **self.extras(streams, recipe, world, wanted),
        )

    def reach(self, lesion: Any) -> float:
        return lesion.shape.reach_mm + 2 * lesion.edge_mm + 1.0

    def footprint(self, lesion: Any, world: World, points: torch.Tensor, softness: float) -> Footprint:
        beyond = self.beyond(lesion, points)
        core = torch.clamp(0.5 - beyond / max(softness, lesion.edge_mm), 0, 1)
        core = core * share_of_tissue(world, points, self.tissue, softness)
        return Footprint(core, self.level(lesion, points, beyond), torch.zeros_like(core), 0.0)

    def beyond(self, lesion: Focal, points: torch.Tensor) -> torch.Tensor:
        """About how far (mm) outside the blob's surface points lie; negative inside."""
        return size_function(lesion.shape, points) - lesion.shape.level_mm

    def level(self, lesion: Any, points: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
        """Image value at points, `beyond` mm outside the lesion's surface (negative inside)."""
        del beyond
        return lesion.value + lesion.texture * texture_noise(lesion, points)


def texture_noise(lesion: Any, points: torch.Tensor) -> torch.Tensor:
    """Smooth noise of about unit variance inside a lesion."""
    return noise_at(lesion.texture_seed, points, lesion.centre_mm, lesion.radius_mm)


def _in_tissue(world: World, tissue: Tissue, points: Points) -> npt.NDArray[np.bool_]:
    """Whether a lesion of a tissue can lie at points ``[n, 3]``."""
    many = torch.from_numpy(points.astype(np.float32)).to(world.device)
    return np.asarray((share_of_tissue(world, many, tissue, 1e-3) >= 0.5).cpu().numpy())


def share_of_tissue(world: World, points: torch.Tensor, tissue: Tissue, softness: float) -> torch.Tensor:
    """Share (0..1) of the surroundings of points that a tissue fills: ``brain`` is all inside the inner table."""
    at = world.to_template(points)
    if tissue == "parenchyma":
        return torch.clamp(0.5 + world.at_template(at, "parenchyma") / softness, 0, 1)
    if tissue == "brain":
        return torch.clamp(0.5 + world.at_template(at, "depth") / softness, 0, 1)
    white = torch.clamp((world.at_template(at, "white") - WHITE_SHARE) / _WHITE_RAMP + 0.5, 0, 1)
    return white * torch.clamp(0.5 - world.at_template(at, "ventricles") / softness, 0, 1)
