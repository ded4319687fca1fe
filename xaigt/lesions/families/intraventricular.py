"""Intraventricular hemorrhage: blood that has sunk to the back of the ventricles of a supine patient."""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.cores import pool_cores
from xaigt.compiled.ventricles import outside_side
from xaigt.distributions import Number, Quantiles, Uniform, draw
from xaigt.lesions.base import Family, Footprint, Streams, World
from xaigt.lesions.blobs import sphere_radius
from xaigt.lesions.blood import BloodRecipe, Hematoma, density, draw_blood, settle
from xaigt.lesions.noise import noise_at, noise_of
from xaigt.lesions.weighted import Points, Values, blocks, box_axes, fill, points_of, z_range
from xaigt.randomness import subseed
from xaigt.sampling import flat, flat_values

# Box of template space that holds the ventricles (z, y, x; low, high; mm), and the middle of each lateral one.
BOX = ((-48.0, -70.0, -48.0), (40.0, 46.0, 48.0))
MIDDLE = (12.0, -20.0, 16.0)
STEP_MM = 2.5
SHARE = 0.15  # of the points in and about the ventricles that lie inside, roughly
NOISE_MM = 18.0  # scale of the ripple
# Blood of one side lies in its lateral ventricle. The others are cavities of the midline, which a level would cross:
# the third (half as wide, and up to as high) and the fourth with the aqueduct (mm of template space).
MIDLINE_MM = 2.0
THIRD = (5.0, 9.0)
FOURTH = (16.0, -9.0)
CLOT_MM = 15.0  # scale of the blood's texture
Floats = TypeVar("Floats", torch.Tensor, npt.NDArray[np.float32])


class IntraventricularRecipe(BloodRecipe):
    """What a recipe says of intraventricular hemorrhage; sources: generators/hemorrhage.yaml."""

    family: Literal["intraventricular"] = "intraventricular"
    volume_ml: Number = Quantiles(quantiles={0.0: 0.4, 0.25: 0.6, 0.5: 2.3, 0.75: 8.4, 0.95: 45.0, 1.0: 60.0}, log=True)
    both_sides: Number = 0.6
    core_hu: Number = Quantiles(quantiles={0.0: 38, 0.05: 39, 0.25: 44, 0.5: 49, 0.75: 54, 0.95: 64, 1.0: 72})
    ripple_mm: Number = Uniform(uniform=(0.0, 1.5))


class Intraventricular(Hematoma):
    """One drawn intraventricular hemorrhage: the ventricles behind the plane y = `level_mm` (scanner space)."""

    family: Literal["intraventricular"] = "intraventricular"
    side: Literal[-1, 0, 1]
    level_mm: float
    reach_mm: float
    ripple_mm: float
    noise_seed: int


class IntraventricularFamily(Family):
    """See the module."""

    name = "intraventricular"
    recipe = IntraventricularRecipe
    lesion = Intraventricular
    compartments = ("ventricles",)
    plain = True

    def draw(self, streams: Streams, recipe: IntraventricularRecipe, world: World) -> Intraventricular:
        place, form, contrast = streams("place"), streams("shape"), streams("contrast")
        wanted = 1000 * draw(form, recipe.volume_ml)
        one_side: Literal[-1, 1] = 1 if place.uniform() < 0.5 else -1
        side: Literal[-1, 0, 1] = 0 if place.uniform() < draw(form, recipe.both_sides) else one_side
        z, y, x = (round(value, 4) for value in world.to_scanner((MIDDLE[0], MIDDLE[1], MIDDLE[2] * side)))
        stage, blood = draw_blood(contrast, recipe)
        lesion = Intraventricular(
            centre_mm=(z, y, x),
            radius_mm=sphere_radius(wanted),
            volume_mm3=0.0,
            z_range_mm=(0.0, 0.0),
            side=side,
            level_mm=0.0,
            reach_mm=0.0,
            ripple_mm=draw(form, recipe.ripple_mm),
            noise_seed=subseed(form),
            stage=stage,
            blood=blood,
        )
        low, high = np.sort([world.to_scanner(corner) for corner in BOX], axis=0).tolist()
        axes, cell = box_axes(low, high, STEP_MM)

        def outside(points: Points) -> Values:
            at = world.locate(points)
            ventricles = world.probe(at, "ventricles")
            if side == 0:
                return -ventricles
            distance = np.empty(len(at))
            outside_side(side, at, ventricles, MIDLINE_MM, (THIRD, FOURTH), distance)
            return distance

        near = blocks(axes, lambda middles, distance: outside(middles) <= 1.3 * distance)  # the map stretches by less
        nearby = np.flatnonzero(near)
        noise = noise_of(lesion.noise_seed, axes, nearby, lesion.centre_mm, NOISE_MM)
        row = nearby // len(axes[2]) % len(axes[1])
        height = _height(lesion, axes[1].astype(np.float32)[row], noise)
        found = fill(height, cell, wanted, lambda index: outside(points_of(axes, nearby[index])) <= 0, SHARE)
        inside = points_of(axes, nearby[found.inside])
        farthest = np.linalg.norm(inside - np.asarray(lesion.centre_mm), axis=1).max(initial=0.0)
        return lesion.model_copy(
            update={
                "level_mm": found.level,
                "volume_mm3": round(found.volume, 4),
                "z_range_mm": z_range(inside[:, 0], np.full(len(inside), cell), STEP_MM),
                "reach_mm": round(float(farthest) + STEP_MM, 4),
                "blood": settle(lesion.blood, inside[:, 1]),
            }
        )

    def reach(self, lesion: Intraventricular) -> float:
        return lesion.reach_mm + 2.0

    def footprint(self, lesion: Intraventricular, world: World, points: torch.Tensor, softness: float) -> Footprint:
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, NOISE_MM)
        at = world.to_template(points)
        core = _core(lesion, points, at, world.at_template(at, "ventricles"), noise, softness)
        level = density(lesion.blood, lesion.centre_mm, points, CLOT_MM, core)
        return Footprint(core, level, torch.zeros_like(core), 0.0)


def _core(
    lesion: Intraventricular,
    points: torch.Tensor,
    at: torch.Tensor,
    ventricles: torch.Tensor,
    noise: torch.Tensor,
    softness: float,
) -> torch.Tensor:
    """Share (0..1) of the surroundings of points that the blood fills."""
    if points.device.type != "cpu":
        return core_on_device(lesion, points, at, ventricles, noise, softness)
    core = np.empty(ventricles.shape, np.float32)
    pool_cores(
        flat(points), flat(at), flat_values(ventricles), flat_values(noise), lesion.ripple_mm, lesion.level_mm,
        lesion.side, MIDLINE_MM, THIRD, FOURTH, softness, core.reshape(-1),
    )  # fmt: skip
    return torch.from_numpy(core)


def core_on_device(
    lesion: Intraventricular,
    points: torch.Tensor,
    at: torch.Tensor,
    ventricles: torch.Tensor,
    noise: torch.Tensor,
    softness: float,
) -> torch.Tensor:
    """Do what :func:`xaigt.compiled.cores.pool_cores` does, for any device."""
    height = _height(lesion, points[..., 1], noise)
    beyond = torch.maximum(height - lesion.level_mm, _outside(lesion.side, at, ventricles))
    return torch.clamp(0.5 - beyond / softness, 0, 1)


def _height(lesion: Intraventricular, y: Floats, noise: Floats) -> Floats:
    """Height above the patient's back (mm): blood fills from the back; the ripple is that of clots."""
    return y + lesion.ripple_mm * noise


def _outside(side: int, at: torch.Tensor, ventricles: torch.Tensor) -> torch.Tensor:
    """Distance (mm) to the ventricles of a side (0: all) at points of template space: negative inside."""
    outside = -ventricles
    if side == 0:
        return outside
    height, across = at[..., 0], side * at[..., 2]
    outside = torch.maximum(outside, MIDLINE_MM - across)
    for width, top in (THIRD, FOURTH):
        outside = torch.maximum(outside, torch.minimum(width - across, top - height))
    return outside


FAMILY = IntraventricularFamily()
