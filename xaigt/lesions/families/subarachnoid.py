"""Subarachnoid hemorrhage: blood in the fluid of sulci and cisterns, spread from a point."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.cores import spread_cores
from xaigt.distributions import Choice, Number, Quantiles, Uniform, draw
from xaigt.lesions.base import Family, Footprint, Streams, World
from xaigt.lesions.blobs import sphere_radius
from xaigt.lesions.blood import BloodRecipe, Hematoma, density, draw_blood, settle
from xaigt.lesions.noise import noise_at, noise_on, spread
from xaigt.lesions.weighted import Points, box_axes, fill, points_of, z_range
from xaigt.randomness import either_side, subseed
from xaigt.sampling import flat, flat_values

FLUID = 0.35  # share of fluid from which a point can hold blood: the average brain's sulci are blurred
FLUID_FULL = 0.6  # share of fluid from which blood shows in full
INNER_MM = 2.0  # blood keeps this far from the inner table: the dura, and what partial volume with bone hides
DENSITY = 0.2  # share of the surroundings of a seed that is fluid, roughly: sets the lattice's size only
SHARE = 0.12  # of the points of that lattice that can hold blood, roughly
LARGEST_RADIUS = 70.0
POINTS = 15  # of that lattice, along half its width
ROOM = 2.1  # half-width of that lattice, in radii of the ball that holds enough fluid
# Where bleeding starts (z, y, x of template space; spread in mm): basal cisterns with the Sylvian fissures, or a
# sulcus of the convexity (trauma). Approximate positions in the MNI152 average.
SITES = {
    "suprasellar": ((-22, 2, 0), (3, 4, 6)),
    "sylvian": ((-4, 8, 42), (6, 10, 5)),
    "perimesencephalic": ((-16, -28, 12), (4, 4, 4)),
    "interhemispheric": ((20, 45, 2), (18, 10, 2)),
    "convexity": ((42, -15, 46), (12, 28, 8)),
}
FLATNESS = 2.4  # blood spreads along cisterns more than up and down: so that z-extents are those of patients
NOISE_LIMIT = 1.5
NOISE_MM = 20.0  # scale of the noise
CLOT_MM = 12.0  # scale of the blood's texture
_TRIES = 300


class SubarachnoidRecipe(BloodRecipe):
    """What a recipe says of subarachnoid hemorrhage; sources: generators/hemorrhage.yaml."""

    family: Literal["subarachnoid"] = "subarachnoid"
    sites: Choice = Choice(
        choice={
            "suprasellar": 0.3,
            "sylvian": 0.25,
            "perimesencephalic": 0.1,
            "interhemispheric": 0.1,
            "convexity": 0.25,
        }
    )
    volume_ml: Number = Quantiles(quantiles={0.0: 0.4, 0.25: 0.9, 0.5: 2.0, 0.75: 9.7, 0.95: 44.0, 1.0: 60.0}, log=True)
    core_hu: Number = Quantiles(quantiles={0.0: 42, 0.05: 44, 0.25: 49, 0.5: 53, 0.75: 58, 0.95: 66, 1.0: 72})
    roughness: Number = Uniform(uniform=(0.15, 0.35))
    texture_hu: Number = Uniform(uniform=(1.0, 4.0))


class Subarachnoid(Hematoma):
    """One drawn subarachnoid hemorrhage: fluid within `level_mm` of the centre, as noise bends distances.

    Nothing lies beyond `reach_mm`: the box that the level was resolved on.
    """

    family: Literal["subarachnoid"] = "subarachnoid"
    site: str
    level_mm: float
    reach_mm: float
    roughness: float
    noise_seed: int


class SubarachnoidFamily(Family):
    """See the module."""

    name = "subarachnoid"
    recipe = SubarachnoidRecipe
    lesion = Subarachnoid
    compartments = ("cisterns",)

    def draw(self, streams: Streams, recipe: SubarachnoidRecipe, world: World) -> Subarachnoid:
        form, contrast = streams("shape"), streams("contrast")
        site = recipe.sites.draw(streams("place"))
        wanted = 1000 * draw(form, recipe.volume_ml)
        centre = world.to_scanner(_seed(streams("place-seed"), site, world))
        z, y, x = (round(value, 4) for value in centre)
        half = round(min(ROOM * sphere_radius(wanted) / DENSITY ** (1 / 3), LARGEST_RADIUS), 4)
        stage, blood = draw_blood(contrast, recipe)
        lesion = Subarachnoid(
            centre_mm=(z, y, x),
            radius_mm=sphere_radius(wanted),
            volume_mm3=0.0,
            z_range_mm=(0.0, 0.0),
            site=site,
            level_mm=0.0,
            reach_mm=half,
            roughness=draw(form, recipe.roughness),
            noise_seed=subseed(form),
            stage=stage,
            blood=blood,
        )

        low = half / FLATNESS
        axes, cell = box_axes((z - low, y - half, x - half), (z + low, y + half, x + half), half / POINTS)
        offset = spread(axes, lesion.centre_mm)
        size = _size(lesion, offset, noise_on(lesion.noise_seed, axes, lesion.centre_mm, NOISE_MM))
        within = np.flatnonzero((_flat_norm(offset) <= half).numpy())
        found = fill(
            size.numpy().ravel()[within], cell, wanted, lambda index: _wet(world, points_of(axes, within[index])), SHARE
        )
        inside = points_of(axes, within[found.inside])
        return lesion.model_copy(
            update={
                "level_mm": found.level,
                "volume_mm3": round(found.volume, 4),
                "z_range_mm": z_range(inside[:, 0], np.full(len(inside), cell), half / POINTS),
                "blood": settle(lesion.blood, inside[:, 1]),
            }
        )

    def reach(self, lesion: Subarachnoid) -> float:
        return min(lesion.level_mm / (1 - NOISE_LIMIT * lesion.roughness), lesion.reach_mm) + 1.0

    def footprint(self, lesion: Subarachnoid, world: World, points: torch.Tensor, softness: float) -> Footprint:
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, NOISE_MM)
        at = world.to_template(points)
        fluid, ventricles, depth = (world.at_template(at, name) for name in ("csf", "ventricles", "depth"))
        core = _core(lesion, points, noise, (fluid, ventricles, depth), softness)
        level = density(lesion.blood, lesion.centre_mm, points, CLOT_MM, core)
        return Footprint(core, level, torch.zeros_like(core), 0.0)


def _core(
    lesion: Subarachnoid,
    points: torch.Tensor,
    noise: torch.Tensor,
    fields: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    softness: float,
) -> torch.Tensor:
    """Share (0..1) of the surroundings of points that blood fills; `fields` are fluid, ventricles and depth there."""
    if points.device.type != "cpu":
        return core_on_device(lesion, points, noise, fields, softness)
    core = np.empty(noise.shape, np.float32)
    fluid, ventricles, depth = (flat_values(values) for values in fields)
    spread_cores(
        flat(points), flat_values(noise), (fluid, ventricles, depth), lesion.centre_mm, FLATNESS, lesion.roughness,
        NOISE_LIMIT, lesion.level_mm, lesion.reach_mm, (FLUID, FLUID_FULL, INNER_MM), softness, core.reshape(-1),
    )  # fmt: skip
    return torch.from_numpy(core)


def core_on_device(
    lesion: Subarachnoid,
    points: torch.Tensor,
    noise: torch.Tensor,
    fields: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    softness: float,
) -> torch.Tensor:
    """Do what :func:`xaigt.compiled.cores.spread_cores` does, for any device."""
    fluid, ventricles, depth = fields
    offset = [points[..., i] - lesion.centre_mm[i] for i in range(3)]
    near = torch.clamp(0.5 - (_size(lesion, offset, noise) - lesion.level_mm) / softness, 0, 1)
    near = near * (_flat_norm(offset) <= lesion.reach_mm)
    filled = torch.clamp((fluid - FLUID) / (FLUID_FULL - FLUID) + 0.5, 0, 1) * (fluid > FLUID)
    free = torch.clamp(0.5 - ventricles / softness, 0, 1) * torch.clamp(0.5 + (depth - INNER_MM) / softness, 0, 1)
    return near * filled * free


def _flat_norm(offset: list[torch.Tensor]) -> torch.Tensor:
    """Distance from the centre to which blood spreads, from offsets z, y and x of shapes that broadcast."""
    return torch.sqrt((FLATNESS * offset[0]) ** 2 + offset[1] ** 2 + offset[2] ** 2)


def _size(lesion: Subarachnoid, offset: list[torch.Tensor], noise: torch.Tensor) -> torch.Tensor:
    """Distance from the centre, bent by noise: blood does not spread evenly."""
    return _flat_norm(offset) * (1 + lesion.roughness * torch.clamp(noise, -NOISE_LIMIT, NOISE_LIMIT))


def _wet(world: World, points: Points) -> npt.NDArray[np.bool_]:
    """Whether points lie in the fluid of sulci and cisterns."""
    at = world.locate(points)
    wet = world.probe(at, "csf") >= FLUID
    at = at[wet]
    wet[wet] = (world.probe(at, "ventricles") <= 0) & (world.probe(at, "depth") >= INNER_MM)
    return wet


def _seed(rng: np.random.Generator, site: str, world: World) -> tuple[float, float, float]:
    """Point of template space (z, y, x) in the fluid near a site: the first candidate that is, or the wettest."""
    centre, spread = SITES[site]
    points = np.asarray(centre) + np.clip(rng.normal(size=(_TRIES, 3)), -2, 2) * np.asarray(spread)
    points[:, 2] *= either_side(rng)
    free = (world.probe(points, "ventricles") < -1) & (world.probe(points, "depth") > 1)
    fluid = world.probe(points, "csf") * free
    fits = np.flatnonzero(fluid > 0.5)
    z, y, x = points[int(fits[0]) if len(fits) else int(fluid.argmax())]
    return float(z), float(y), float(x)


FAMILY = SubarachnoidFamily()
