"""What epidural and subdural hemorrhage share: a layer of blood under the inner table, bounded by the dura's folds."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch

from xaigt.compiled.cores import layer_cores
from xaigt.distributions import DIGITS, Number, draw
from xaigt.lesions import sheets
from xaigt.lesions.base import Family, Footprint, Streams, World
from xaigt.lesions.blobs import sphere_radius
from xaigt.lesions.blood import BloodRecipe, Hematoma, density, draw_blood, settle
from xaigt.lesions.mass import from_layer, held_by_skull
from xaigt.lesions.noise import noise_at, noise_probe
from xaigt.lesions.sheets import Sheet
from xaigt.lesions.shell import (
    Layer,
    first_crossing,
    frame,
    lattice,
    polar,
    radius_of_volume,
    size_function,
    sized,
    thickness,
)
from xaigt.lesions.weighted import fill, z_range
from xaigt.randomness import subseed
from xaigt.sampling import flat, flat_values

# Middle of the head in template space (z, y, x; mm), from which the inner table is seen.
MIDDLE = (18.0, -18.0, 0.0)
DURA_MM = 1.0  # between the inner table and the blood
SHEET_YIELD_MM = 35.0  # how far from falx or tentorium tissue yields
REACH_MM = 2.0  # beyond the lattice's next point: the soft edge of a layer
CLOT_MM = 15.0  # scale of the blood's texture
NOISE_MM = 40.0  # scale of its roughness
_NEAR, _SURE = 1.25, 0.9  # of the radius of a layer that nothing cuts: how far columns are read first; and of that
ROUGHNESS = 0.05  # of the radius: the brain's side of a layer is not perfectly smooth


class ExtraAxialRecipe(BloodRecipe):
    """What recipes say of both families."""

    volume_ml: Number
    stretch: Number


class ExtraAxial(Hematoma):
    """One drawn layer; `folds` bound it (template space): the half-spaces ``a . q > b`` it may lie in."""

    shape: Layer | Sheet
    folds: tuple[tuple[tuple[float, float, float], float], ...]
    noise_seed: int


class ExtraAxialFamily(Family):
    """A layer against the inner table. Subclasses say where, of what form, and what bounds it."""

    compartments = ("extra-axial",)
    plain = True
    lesion: ClassVar[type[ExtraAxial]]
    form: ClassVar[Literal["lens", "crescent"]]

    def place(self, streams: Streams) -> tuple[float, float, float]:
        """Direction (z, y, x) from the middle of the head in template space; need not be of unit length."""
        raise NotImplementedError

    def folds(self, position: tuple[float, float, float]) -> tuple[tuple[tuple[float, float, float], float], ...]:
        """Half-spaces of template space that bound a layer centred at `position`."""
        raise NotImplementedError

    def ratio(self, rng: np.random.Generator, recipe: Any, volume_mm3: float) -> float:
        """Thickness over radius of a layer of a volume."""
        raise NotImplementedError

    def draw(self, streams: Streams, recipe: ExtraAxialRecipe, world: World) -> ExtraAxial:
        form, contrast = streams("shape"), streams("contrast")
        wanted = 1000 * draw(form, recipe.volume_ml)
        ratio, stretch = round(self.ratio(form, recipe, wanted), DIGITS), draw(form, recipe.stretch)
        origin = _rounded(world.to_scanner(MIDDLE))
        direction = np.asarray(self.place(streams))
        direction = direction / np.linalg.norm(direction)
        radius = first_crossing(direction, origin, world)
        centre = _rounded(tuple(o + radius * d for o, d in zip(origin, direction, strict=True)))
        z, y, x = world.locate(np.asarray(centre)).tolist()
        layer = Layer(form=self.form, origin_mm=origin, centre_mm=centre, ratio=ratio, stretch=stretch)
        stage, blood = draw_blood(contrast, recipe)
        lesion = self.lesion(
            family=self.name,
            centre_mm=centre,
            radius_mm=sphere_radius(wanted),
            volume_mm3=0.0,
            z_range_mm=(0.0, 0.0),
            shape=layer,
            folds=self.folds((z, y, x)),
            noise_seed=subseed(form),
            stage=stage,
            blood=blood,
        )
        return self._resolve(lesion, wanted, world)

    def _resolve(self, lesion: ExtraAxial, wanted: float, world: World) -> ExtraAxial:
        shape = lesion.shape
        if isinstance(shape, Sheet):
            radius = radius_of_volume("crescent", shape.ratio, wanted / shape.stretch)
            columns = sheets.lattice(shape, lesion.centre_mm, radius, world)
        else:
            radius = radius_of_volume(shape.form, shape.ratio, wanted)
            columns = lattice(shape, radius, world)
        probe = noise_probe(lesion.noise_seed)
        for bound in (_NEAR * radius, np.inf):  # only a layer that is cut reaches further
            used = columns.along <= bound
            read = columns.read(used, world, lambda at: probe((at - np.asarray(lesion.centre_mm)) / NOISE_MM, 0))
            if isinstance(shape, Sheet):
                size, free = sheets.sized(shape, read, ROUGHNESS, DURA_MM)
            else:
                size, free = sized(shape, read, columns.along[used], ROUGHNESS, DURA_MM, lesion.folds)
            found = fill(size.ravel(), read.cells.ravel(), wanted, free.ravel().__getitem__, 1.0)
            if found.level <= _SURE * bound and found.volume >= _SURE * wanted:
                break
        inside, volumes = read.points.reshape(-1, 3)[found.inside], read.cells.ravel()[found.inside]
        resolved: dict[str, float] = {"level_mm": found.level}
        step = 0.0
        if len(inside):
            filled = np.zeros(used.shape, bool)
            filled[tuple(axis[found.inside // read.cells.shape[1]] for axis in np.nonzero(used))] = True
            step = columns.step(filled)
            farthest = float(np.linalg.norm(inside - np.asarray(lesion.centre_mm), axis=1).max())
            resolved["reach_mm"] = round(farthest + step + REACH_MM, DIGITS)
        return lesion.model_copy(
            update={
                "shape": shape.model_copy(update=resolved),
                "volume_mm3": round(found.volume, 4),
                "z_range_mm": z_range(inside[:, 0], volumes, step),
                "blood": settle(lesion.blood, inside[:, 1], volumes),
            }
        )

    def _size(
        self, shape: Layer | Sheet, at: torch.Tensor, depth: torch.Tensor, along: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Size function at points of template space, at a depth, so far from a layer's centre along the skull."""
        size = sheets.size_function(shape, at) if isinstance(shape, Sheet) else size_function(shape, depth, along)
        return size * (1 + ROUGHNESS * noise)

    def _outside(self, lesion: ExtraAxial, at: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        """Distance (mm) to where the layer may lie: negative under the inner table, within the folds."""
        outside = DURA_MM - depth
        if isinstance(lesion.shape, Sheet):
            outside = torch.maximum(outside, _beyond(lesion.shape, at, depth))
        for normal, offset in lesion.folds:
            along = (normal[0] * at[..., 0] + normal[1] * at[..., 1]) + normal[2] * at[..., 2]
            outside = torch.maximum(outside, offset - along)
        return outside

    def reach(self, lesion: ExtraAxial) -> float:
        return lesion.shape.reach_mm

    def footprint(self, lesion: ExtraAxial, world: World, points: torch.Tensor, softness: float) -> Footprint:
        at = world.to_template(points)
        depth = world.at_template(at, "depth")
        noise = noise_at(lesion.noise_seed, points, lesion.centre_mm, NOISE_MM)
        core = self._core(lesion, points, at, depth, noise, softness)
        level = density(lesion.blood, lesion.centre_mm, points, CLOT_MM, core)
        return Footprint(core, level, torch.zeros_like(core), 0.0)

    def _core(
        self,
        lesion: ExtraAxial,
        points: torch.Tensor,
        at: torch.Tensor,
        depth: torch.Tensor,
        noise: torch.Tensor,
        softness: float,
    ) -> torch.Tensor:
        """Share (0..1) of the surroundings of points that the layer fills."""
        layer = lesion.shape
        if isinstance(layer, Sheet) or points.device.type != "cpu":
            return self.core_on_device(lesion, points, at, depth, noise, softness)
        rows, radius = frame(layer)
        core = np.empty(depth.shape, np.float32)
        folds = np.array([(*normal, offset) for normal, offset in lesion.folds], np.float32).reshape(-1, 4)
        layer_cores(
            flat(points), flat(at), flat_values(depth), flat_values(noise), layer.form == "lens", layer.origin_mm,
            rows, (radius, layer.stretch, layer.ratio, layer.level_mm), ROUGHNESS, DURA_MM, folds, softness,
            core.reshape(-1),
        )  # fmt: skip
        return torch.from_numpy(core)

    def core_on_device(
        self,
        lesion: ExtraAxial,
        points: torch.Tensor,
        at: torch.Tensor,
        depth: torch.Tensor,
        noise: torch.Tensor,
        softness: float,
    ) -> torch.Tensor:
        """Do what :func:`xaigt.compiled.cores.layer_cores` does, for any device, and for sheets."""
        along = depth if isinstance(lesion.shape, Sheet) else polar(lesion.shape, points)
        size = self._size(lesion.shape, at, depth, along, noise)
        # In depth the size function grows 1 / ratio times as fast as the distance.
        beyond = (size - lesion.shape.level_mm) * lesion.shape.ratio
        outside = torch.maximum(beyond, self._outside(lesion, at, depth))
        return torch.clamp(0.5 - outside / softness, 0, 1)

    def displacement(
        self, lesion: ExtraAxial, world: World, points: torch.Tensor, strength: float
    ) -> torch.Tensor | None:
        shape, at = lesion.shape, world.to_template(points)
        if isinstance(shape, Sheet):
            depth = sheets.from_sheet(shape.form, shape.side, at, shape.scale)
            outward = torch.zeros_like(points)
            outward[..., 2 if shape.form == "falx" else 0] = -shape.side if shape.form == "falx" else -1
            offsets = from_layer(sheets.thickness(shape, at), depth, outward, strength, SHEET_YIELD_MM)
            return held_by_skull(offsets, world.at_template(at, "depth"))
        away = points - points.new_tensor(shape.origin_mm)
        outward = away / away.norm(dim=-1, keepdim=True).clamp(min=1e-3)
        depth = world.at_template(at, "depth")
        return from_layer(thickness(shape, polar(shape, points)), depth, outward, strength)


def _beyond(sheet: Sheet, at: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    return sheets.outside(sheet.form, sheet.side, at, depth, sheet.scale)


def _rounded(position: tuple[float, ...]) -> tuple[float, float, float]:
    z, y, x = (round(float(value), 4) for value in position)
    return z, y, x
