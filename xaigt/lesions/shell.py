"""Collections of blood against the inner table: lenses and crescents.

A layer is described in the polar coordinates of the skull: directions from a point in the middle of the head, and
depth below the inner table. Tangential distance s from the layer's centre is an arc on a sphere of the centre's
radius; it can be longer along one tangent than along the other. The size function is

- lens (epidural): ``G = (d / t + sqrt((d / t)^2 + 4 s^2)) / 2``, whose level sets are biconvex lenses of radius G
  and thickness ``t G`` at their middle: ``d = t (G - s^2 / G)``;
- crescent (subdural): ``G = ((d / t)^4 + s^4)^(1/4)``, of nearly even thickness with tapering ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.columns import directions, layer_sizes, step_to_surface, under_surface
from xaigt.lesions.base import World
from xaigt.lesions.columns import LAYERS, NODES, Columns, Read, layers
from xaigt.schema import Strict

Floats = npt.NDArray[np.float64]
Vector = tuple[float, float, float]
_TANGENT = 25  # columns of the lattice a layer is resolved on, along each tangent
_SEEN = 9  # directions along each tangent in which the inner table is looked for
_STEPS = 3  # that find the inner table from nearby
_RAY = np.arange(40.0, 116.0, 5.0)  # where it is looked for first along one direction
_SLOPES = (0.4, 1.2)  # of the depth along a direction: 1 towards the nearest point of a head of the template's size
MARGIN = 1.35  # its half-width, in radii of the unrestricted layer of the wanted volume


class Layer(Strict):
    """Shape of a collection against the inner table.

    `origin_mm` is the middle of the head, `centre_mm` the layer's centre on the inner table (z, y, x; scanner
    space); `ratio` is thickness over radius; `stretch` lengthens it along the horizontal tangent. `level_mm` and
    `reach_mm`, from the centre to the farthest point, are resolved.
    """

    form: Literal["lens", "crescent"]
    origin_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    ratio: float
    stretch: float
    level_mm: float = 0.0
    reach_mm: float = 0.0


def volume_factor(form: str) -> float:
    """Volume of an unrestricted flat layer over ``ratio * radius^3`` (stretch 1): integral of its thickness."""
    # lens: 2 pi int_0^1 (1 - s^2) s ds; crescent: 2 pi int_0^1 (1 - s^4)^(1/4) s ds
    return np.pi / 2 if form == "lens" else 2 * np.pi * 0.4370


def radius_of_volume(form: str, ratio: float, volume_mm3: float) -> float:
    """Radius (mm) of the flat layer of a volume."""
    return float((volume_mm3 / (volume_factor(form) * ratio)) ** (1 / 3))


def polar(layer: Layer, points: torch.Tensor) -> torch.Tensor:
    """Tangential distance (mm) from the layer's centre at points ``[..., 3]``, shortened along the stretch."""
    normal, along, up, radius = _frame(layer)
    offset = [points[..., i] - layer.origin_mm[i] for i in range(3)]
    length = torch.sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2).clamp(min=1e-3)
    cosine = _dot(offset, normal) / length
    angle = torch.arccos(cosine.clamp(-1, 1))
    u, v = _dot(offset, along) / length, _dot(offset, up) / length
    sine = torch.sqrt(u * u + v * v).clamp(min=1e-6)
    return radius * angle * torch.sqrt((u / sine / layer.stretch) ** 2 + (v / sine) ** 2)


def size_function(layer: Layer, depth: torch.Tensor, tangential: torch.Tensor) -> torch.Tensor:
    """G (mm) from depth below the inner table and tangential distance, both in mm."""
    scaled = depth.clamp(min=0) / layer.ratio
    if layer.form == "lens":
        return (scaled + torch.sqrt(scaled**2 + 4 * tangential**2)) / 2
    return torch.sqrt(torch.sqrt(scaled**4 + tangential**4))


def thickness(layer: Layer, tangential: torch.Tensor) -> torch.Tensor:
    """Thickness (mm) of a resolved layer at a tangential distance from its centre; 0 beyond its edge."""
    inside = torch.clamp(1 - (tangential / max(layer.level_mm, 1e-3)) ** (2 if layer.form == "lens" else 4), min=0)
    return layer.ratio * layer.level_mm * (inside if layer.form == "lens" else torch.sqrt(torch.sqrt(inside)))


def frame(layer: Layer) -> tuple[npt.NDArray[np.float32], float]:
    """Unit normal and both tangents at the centre (rows; z, y, x), and its distance from the origin, for loops."""
    normal, along, up, radius = _frame(layer)
    return np.array([normal, along, up], np.float32), radius


def lattice(layer: Layer, radius: float, world: World) -> Columns:
    """Columns under the inner table around the layer."""
    normal, along, up, sphere = _frame(layer)
    half = MARGIN * radius * max(1.0, layer.stretch)
    # The inner table is found in few directions: the layer begins 1 mm under it, and its depth is read where it lies.
    few = np.empty((_SEEN, _SEEN, 3))
    directions(normal, along, up, sphere, half, few)
    surface = surface_radius(few, layer.origin_mm, world, sphere)
    thickness = MARGIN * layer.ratio * radius * 1.3
    points, cells = np.empty((_TANGENT, _TANGENT, NODES, 3)), np.empty((_TANGENT, _TANGENT, LAYERS))
    distances = np.empty((_TANGENT, _TANGENT))
    under_surface(
        layer.origin_mm, normal, along, up, sphere, half, layer.stretch, surface, thickness, layers(_TANGENT), points,
        cells, distances,
    )  # fmt: skip
    return Columns(points, cells, distances)


def sized(
    layer: Layer, read: Read, along: Floats, roughness: float, dura_mm: float, folds: Sequence[tuple[Vector, float]]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Evaluate :func:`size_function`, bent by noise, at points in columns, and whether the layer may lie there.

    Parameters
    ----------
    layer
        Its shape.
    read
        The points.
    along
        Distance (mm) of each column from its centre, ``[n]``.
    roughness
        How far noise bends it.
    dura_mm
        Depth from which it may lie.
    folds
        Half-spaces ``a . q >= b`` of template space that it may lie in.

    Returns
    -------
    size, free
        ``[n, LAYERS]``.
    """
    size, free = np.empty(read.cells.shape), np.empty(read.cells.shape, bool)
    bounds = np.array([(*normal, offset) for normal, offset in folds]).reshape(-1, 4)
    points = np.ascontiguousarray(read.table[..., 3:])
    layer_sizes(layer.form == "lens", layer.ratio, roughness, dura_mm, bounds, points, along, size, free)
    return size, free


def first_crossing(direction: Floats, origin: tuple[float, float, float], world: World) -> float:
    """Distance (mm) from the origin to the inner table along one unit direction ``[3]``."""
    depth = world.probe(world.locate(np.asarray(origin) + _RAY[:, None] * direction), "depth")
    crossed = np.flatnonzero((depth[:-1] > 0) & (depth[1:] <= 0))
    start = 60.0
    if len(crossed):
        inside, outside = depth[crossed[0] : crossed[0] + 2].tolist()
        start = _RAY[crossed[0]] + (_RAY[1] - _RAY[0]) * inside / (inside - outside)
    return float(surface_radius(direction, origin, world, start, _STEPS if len(crossed) else 2 * _STEPS))


def surface_radius(
    direction: Floats, origin: tuple[float, float, float], world: World, start: float, steps: int = _STEPS
) -> Floats:
    """Distance (mm) from the origin to the inner table along unit directions ``[..., 3]``.

    The depth is a signed distance, so a step of its length comes near the surface: one from `start` (mm), and then the
    secant method, which takes the slope of the depth along a direction from the last step.
    """
    rays = direction.reshape(-1, 3)
    radius, slope = np.full(len(rays), start), np.ones(len(rays))
    last_radius, last_depth = np.full(len(rays), np.nan), np.empty(len(rays))
    for _ in range(steps):
        depth = world.probe(world.locate(np.asarray(origin) + radius[:, None] * rays), "depth")
        step_to_surface(radius, depth, last_radius, last_depth, slope, _SLOPES)
    return radius.reshape(direction.shape[:-1])


def _frame(layer: Layer) -> tuple[Vector, Vector, Vector, float]:
    """Unit normal, horizontal and rising tangent at the centre (z, y, x), and its distance from the origin."""
    z, y, x = (c - o for c, o in zip(layer.centre_mm, layer.origin_mm, strict=True))
    radius = math.sqrt(z * z + y * y + x * x)
    z, y, x = z / radius, y / radius, x / radius
    level = math.sqrt(y * y + x * x)
    # At the vertex every tangent is horizontal.
    along = (0.0, -x / level, y / level) if level >= 0.1 else _unit((-y * z, 1 - y * y, -y * x))
    up = (y * along[2] - x * along[1], x * along[0] - z * along[2], z * along[1] - y * along[0])
    return (z, y, x), along, up, radius


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(part * part for part in vector))
    return vector[0] / length, vector[1] / length, vector[2] / length


def _dot(offset: list[torch.Tensor], axis: Vector) -> torch.Tensor:
    return (axis[0] * offset[0] + axis[1] * offset[1]) + axis[2] * offset[2]
