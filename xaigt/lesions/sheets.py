"""Collections of blood along the falx and the tentorium: layers on one side of a sheet of dura.

A sheet is a surface of template space: the falx is the midsagittal plane, the tentorium a paraboloid fitted to the
valley of tissue between cerebrum and cerebellum of the MNI152 average (residual SD 1.2 mm), scaled to the template's
head. The size function is
that of a crescent, ``G = ((d / t)^4 + s^4)^(1/4)``, of the distance d from the sheet and the distance s along it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.sheets import beyond_sheet, sheet_sizes
from xaigt.lesions.base import World
from xaigt.lesions.columns import LAYERS, NODES, Columns, Read, between, layers
from xaigt.sampling import on_lattice
from xaigt.schema import Strict

SHEETS = ("falx", "tentorium")
HALF_MM = 0.7  # half the thickness of the dura
LARGEST_ML = {"falx": 18.0, "tentorium": 14.0}  # what lies along one side of each, at a thickness of about 6 mm
THICKEST_MM = 9.0
SLOPE = 0.9  # the tent rises by about 0.5: distances from it are shorter than differences of height
MARGIN = 1.5  # half-width of the lattice a layer is resolved on, in radii of the flat layer of its volume
MARGIN_MM = 4.0  # a collection is centred at least so far from the sheet's border
# Tentorium: height z over u = (y + 60) / 20 and v = (|x| - 25) / 20, both leaves alike.
TENT = (-14.4, 5.41, -7.72, 0.48, -2.94, 0.79)
# Where centres are looked for (y and z, or y and |x|; mm).
_BOXES = {"falx": ((-85.0, 55.0), (-5.0, 75.0)), "tentorium": ((-85.0, -40.0), (8.0, 48.0))}
_TRIES, _AT_ONCE = 200, 20  # candidates for a centre, and how many are looked at together: mostly one of them fits
_ALONG = 41  # columns of the lattice a layer is resolved on, along each edge
_FEW, _STEPS = 11, 6  # of them at which the subject's map is inverted, and steps that it takes

Floats = npt.NDArray[np.float64]
Side = Literal[-1, 1]
Scale = tuple[float, float, float]
PLAIN: Scale = (1.0, 1.0, 1.0)  # of templates in MNI space


class Sheet(Strict):
    """A layer along a sheet of dura, on its side -1 (left) or 1 (right); `centre` and distances in template space.

    `ratio` is thickness over radius, `stretch` lengthens it from front to back, `reach_mm` bounds it (scanner space).
    `scale` (z, y, x) is the world's: a position times this is the one in MNI space.
    """

    form: Literal["falx", "tentorium"]
    side: Side
    centre: tuple[float, float, float]
    ratio: float
    stretch: float
    level_mm: float = 0.0
    reach_mm: float = 0.0
    scale: Scale = PLAIN


def tentorium_height(y: torch.Tensor, x: torch.Tensor, scale: Scale = PLAIN) -> torch.Tensor:
    """Height z (mm of template space) of the tentorium at y and x."""
    u, v = (y * scale[1] + 60) / 20, (x.abs() * scale[2] - 25) / 20
    a, b, c, d, e, f = TENT
    return ((a + b * u + c * v) + (d * u * u + e * u * v + f * v * v)) / scale[0]


def size_function(sheet: Sheet, at: torch.Tensor) -> torch.Tensor:
    """G (mm) at points ``[..., 3]`` of template space."""
    along = _along(sheet, at)
    scaled = from_sheet(sheet.form, sheet.side, at, sheet.scale).clamp(min=0) / sheet.ratio
    return torch.sqrt(torch.sqrt(scaled**4 + along**4))


def sized(sheet: Sheet, read: Read, roughness: float, dura_mm: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Evaluate :func:`size_function`, bent by noise, at points in columns, and whether the layer may lie there.

    Parameters
    ----------
    sheet
        Its shape.
    read
        The points.
    roughness
        How far noise bends it.
    dura_mm
        Depth from which it may lie.

    Returns
    -------
    size, free
        ``[n, LAYERS]``.
    """
    size, free = np.empty(read.cells.shape), np.empty(read.cells.shape, bool)
    sheet_sizes(
        sheet.form == "falx", sheet.side, sheet.scale, TENT, sheet.centre, sheet.ratio, sheet.stretch,
        (HALF_MM, SLOPE, THICKEST_MM), roughness, dura_mm, np.ascontiguousarray(read.table[..., 3:]), size, free,
    )  # fmt: skip
    return size, free


def thickness(sheet: Sheet, at: torch.Tensor) -> torch.Tensor:
    """Thickness (mm) of a resolved layer beside points ``[..., 3]`` of template space; 0 beyond its edge."""
    inside = torch.clamp(1 - (_along(sheet, at) / max(sheet.level_mm, 1e-3)) ** 4, min=0)
    return torch.clamp(sheet.ratio * sheet.level_mm * torch.sqrt(torch.sqrt(inside)), max=THICKEST_MM)


def _along(sheet: Sheet, at: torch.Tensor) -> torch.Tensor:
    """Distance (mm) along the sheet from the layer's centre, shortened along its stretch."""
    offset = [at[..., i] - sheet.centre[i] for i in range(3)]
    across = offset[0] if sheet.form == "falx" else offset[2]
    return torch.sqrt((offset[1] / sheet.stretch) ** 2 + across**2)


def from_sheet(form: str, side: int, at: torch.Tensor, scale: Scale = PLAIN) -> torch.Tensor:
    """Distance (mm) from the dura's surface on one side of a sheet; above it for the tentorium."""
    if form == "falx":
        return side * at[..., 2] - HALF_MM
    return SLOPE * (at[..., 0] - tentorium_height(at[..., 1], at[..., 2], scale)) - HALF_MM


def outside(form: str, side: int, at: torch.Tensor, depth: torch.Tensor, scale: Scale = PLAIN) -> torch.Tensor:
    """Distance (mm), roughly, to where blood may lie along a sheet: negative where it may."""
    distance = from_sheet(form, side, at, scale)
    return torch.maximum(border(form, side, at, depth, scale), torch.maximum(-distance, distance - THICKEST_MM))


def border(form: str, side: int, at: torch.Tensor, depth: torch.Tensor, scale: Scale = PLAIN) -> torch.Tensor:
    """Distance (mm), roughly, to the border of a sheet along it: negative inside."""
    z, y, x = at[..., 0] * scale[0], at[..., 1] * scale[1], side * at[..., 2] * scale[2]
    if form == "falx":
        reach = 26 + 20 * torch.clamp((40 - y) / 80, 0, 1)  # a sickle: narrow in front, wide behind
        floor = torch.where(y < -45, tentorium_height(y, torch.zeros_like(y)) + 12, torch.full_like(y, -10.0))
        limits = [depth - reach, floor - z, y - 70]
    else:
        notch = torch.clamp(0.6 * (y + 55) + 7, min=3.0)  # the brain stem passes here
        limits = [notch - x, x - 56, y + 33]
    return torch.maximum(torch.maximum(limits[0], limits[1]), limits[2])


def draw_centre(rng: np.random.Generator, form: str, side: int, world: World) -> tuple[float, float, float]:
    """Draw a point of template space (z, y, x; mm) on a sheet, clear of its border; the clearest if none is."""
    (y0, y1), (b0, b1) = _BOXES[form]
    y, b = rng.uniform(y0, y1, _TRIES), rng.uniform(b0, b1, _TRIES)
    scale = world.scale
    if form == "falx":
        points = np.stack([b / scale[0], y / scale[1], np.full(_TRIES, side * HALF_MM)], -1)
    else:
        y, b = y / scale[1], b / scale[2]
        z = tentorium_height(torch.from_numpy(y), torch.from_numpy(b), scale).numpy()
        points = np.stack([z, y, side * b], -1)
    apart = np.empty(_TRIES)
    for first in range(0, _TRIES, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        beyond_sheet(form == "falx", side, scale, TENT, points[some], world.probe(points[some], "depth"), apart[some])
        if len(fits := np.flatnonzero(apart[some] <= -MARGIN_MM)):
            chosen = first + int(fits[0])
            break
    else:
        chosen = int(apart.argmin())
    z0, y0, x0 = points[chosen].tolist()
    return round(z0, 4), round(y0, 4), round(x0, 4)


def lattice(sheet: Sheet, centre_mm: tuple[float, float, float], radius: float, world: World) -> Columns:
    """Columns around a layer of a radius: a regular lattice of template space along the sheet and away from it.

    The subject's map is inverted at few of its points, by iteration.
    """
    half = MARGIN * radius
    thick = min(THICKEST_MM, MARGIN * 1.3 * sheet.ratio * radius)
    cell = (2 * half / (_ALONG - 1)) ** 2 * sheet.stretch * thick / LAYERS
    if sheet.form == "tentorium":
        cell /= SLOPE

    def laid(count: int) -> Floats:
        across, deep = np.linspace(-half, half, count), np.linspace(0, thick, NODES) + HALF_MM
        y, b, d = np.meshgrid(across * sheet.stretch + sheet.centre[1], across, deep, indexing="ij")
        if sheet.form == "falx":
            return np.stack([b + sheet.centre[0], y, sheet.side * d], -1)
        x = b + sheet.centre[2]
        height = tentorium_height(torch.from_numpy(y), torch.from_numpy(x), sheet.scale).numpy()
        return np.stack([height + d / SLOPE, y, x], -1)

    target = laid(_FEW)
    few = _found(target, np.asarray(centre_mm), world)
    stretched = _volumes(few) / _volumes(target)
    across, steps = np.linspace(-half, half, _ALONG), np.linspace(0, _FEW - 1, _ALONG)
    nodes, stretched = (on_lattice(values, (steps, steps), 0.0, 1.0) for values in (few, stretched))
    shares = layers(_ALONG)
    cells = cell * between(stretched.reshape(-1, NODES, 1), shares.reshape(-1, LAYERS)).reshape(shares.shape)
    return Columns(nodes, cells, np.hypot(across[:, None], across), laid(_ALONG))


def _found(target: Floats, centre_mm: Floats, world: World) -> Floats:
    """Points of scanner space that show some of template space."""
    axes = np.eye(3)
    inverse = np.linalg.inv((world.locate(centre_mm + axes) - world.locate(centre_mm)).T)
    points = np.broadcast_to(centre_mm, target.shape)
    for _ in range(_STEPS):
        points = points + np.einsum("ij,...j->...i", inverse, target - world.locate(points))
    return points


def _volumes(points: Floats) -> Floats:
    """Volume that each point of a bent lattice ``[u, v, d, 3]`` stands for."""
    edges = [np.gradient(points, axis=axis) for axis in range(3)]
    return np.asarray(np.abs(np.linalg.det(np.stack(edges, -1))))
