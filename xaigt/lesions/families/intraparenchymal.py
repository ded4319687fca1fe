"""Intraparenchymal hemorrhage: one to three melted ellipsoids with a rough surface, and a dark rim of oedema."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import field_validator

from xaigt.distributions import Choice, Count, Integers, Number, Quantiles, Uniform, draw, draw_count
from xaigt.lesions.base import Family, Footprint, Streams, World
from xaigt.lesions.blobs import (
    Blob,
    draw_ellipsoids,
    resolve,
    size_function,
    sphere_radius,
)
from xaigt.lesions.blood import BloodRecipe, Hematoma, density, draw_blood, settle
from xaigt.lesions.mass import from_ball, held_by_skull
from xaigt.lesions.sites import LOBAR, LOBES, SITES, draw_position, largest_ml
from xaigt.randomness import subseed


class IntraparenchymalRecipe(BloodRecipe):
    """What a recipe says of intraparenchymal hemorrhage. Defaults: see generators/hemorrhage.yaml for sources."""

    family: Literal["intraparenchymal"] = "intraparenchymal"
    sites: Choice = Choice(
        choice={"basal-ganglia": 0.5, "lobar": 0.275, "thalamus": 0.175, "cerebellum": 0.075, "pons": 0.05}
    )
    volume_ml: Number = Quantiles(
        quantiles={0.0: 0.5, 0.25: 2.3, 0.5: 9.3, 0.75: 31.7, 0.95: 83.0, 1.0: 110.0}, log=True
    )
    ellipsoids: Count = Integers(integers=(1, 3))
    axis_ratio: Number = Uniform(uniform=(0.75, 1.35))
    roughness: Number = Uniform(uniform=(0.06, 0.16))
    core_hu: Number = Quantiles(quantiles={0.0: 40, 0.05: 41, 0.25: 46, 0.5: 51.5, 0.75: 55, 0.95: 60.5, 1.0: 66})
    oedema_mm: Number = Uniform(uniform=(3.0, 10.0))
    oedema_hu: Number = Uniform(uniform=(-14.0, -5.0))

    @field_validator("sites")
    @classmethod
    def _known_sites(cls, sites: Choice) -> Choice:
        return sites.among((*SITES, LOBAR, *LOBES))


class Intraparenchymal(Hematoma):
    """One drawn intraparenchymal hemorrhage."""

    family: Literal["intraparenchymal"] = "intraparenchymal"
    site: str
    shape: Blob
    oedema_mm: float
    oedema_hu: float


class IntraparenchymalFamily(Family):
    """See the module."""

    name = "intraparenchymal"
    recipe = IntraparenchymalRecipe
    lesion = Intraparenchymal
    compartments = ("parenchyma",)

    def draw(self, streams: Streams, recipe: IntraparenchymalRecipe, world: World) -> Intraparenchymal:
        place, form, contrast = streams("place"), streams("shape"), streams("contrast")
        site = recipe.sites.draw(place)
        wanted = 1000 * min(draw(form, recipe.volume_ml), largest_ml(site))
        radius = sphere_radius(wanted)
        position = draw_position(place, site, world, margin_mm=min(6.0, 0.5 * radius))
        z, y, x = (round(value, 4) for value in world.to_scanner(position))
        blob = Blob(
            centre_mm=(z, y, x),
            radius_mm=radius,
            ellipsoids=draw_ellipsoids(form, draw_count(form, recipe.ellipsoids), recipe.axis_ratio),
            roughness=draw(form, recipe.roughness),
            noise_seed=subseed(form),
        )
        blob, reached, inside = resolve(blob, lambda points: world.probe(world.locate(points), "parenchyma") > 0)
        stage, blood = draw_blood(contrast, recipe)
        return Intraparenchymal(
            centre_mm=blob.centre_mm,
            radius_mm=radius,
            volume_mm3=round(reached, 4),
            z_range_mm=blob.z_range_mm,
            site=site,
            shape=blob,
            stage=stage,
            blood=settle(blood, inside[:, 1]),
            oedema_mm=draw(contrast, recipe.oedema_mm),
            oedema_hu=draw(contrast, recipe.oedema_hu),
        )

    def reach(self, lesion: Intraparenchymal) -> float:
        return (
            lesion.shape.reach_mm + lesion.oedema_mm * 1.5
        )  # 1.5: G grows more slowly than the distance along a long axis

    def footprint(self, lesion: Intraparenchymal, world: World, points: torch.Tensor, softness: float) -> Footprint:
        inside = world(points, "parenchyma")
        # Negative inside the hematoma: the blob, cut at the border of the parenchyma.
        blob = size_function(lesion.shape, points) - lesion.shape.level_mm
        outside = torch.maximum(blob, -inside)
        core = torch.clamp(0.5 - outside / softness, 0, 1)
        fade = torch.clamp((lesion.oedema_mm - blob) / (0.5 * lesion.oedema_mm), 0, 1)
        oedema = fade * fade * (3 - 2 * fade) * (inside > 0) * (1 - core)
        level = density(lesion.blood, lesion.centre_mm, points, lesion.radius_mm, core)
        return Footprint(core, level, oedema, lesion.oedema_hu)

    def displacement(
        self, lesion: Intraparenchymal, world: World, points: torch.Tensor, strength: float
    ) -> torch.Tensor | None:
        return held_by_skull(from_ball(lesion.centre_mm, lesion.volume_mm3, strength, points), world(points, "depth"))


FAMILY = IntraparenchymalFamily()
