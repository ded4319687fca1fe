"""Collections of blood against the inner table: lenses and crescents.

A layer is described in the polar coordinates of the skull: directions from a point in the middle of the head, and
depth below the inner table. Tangential distance s from the layer's centre is an arc on a sphere of the centre's
radius; it can be longer along one tangent than along the other. The size function is

- lens (epidural): ``G = (d / t + sqrt((d / t)^2 + 4 s^2)) / 2``, whose level sets are biconvex lenses of radius G
  and thickness ``t G`` at their middle: ``d = t (G - s^2 / G)``;
- crescent (subdural): ``G = ((d / t)^4 + s^4)^(1/4)``, of nearly even thickness with tapering ends.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from xaigt.lesions.base import World
from xaigt.lesions.columns import LAYERS, NODES, Columns, layers
from xaigt.sampling import on_lattice
from xaigt.schema import Strict

Floats = npt.NDArray[np.float64]
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

    def directions(count: int) -> tuple[Floats, Floats, Floats]:
        steps = np.linspace(-half, half, count)
        u, v = steps[:, None], steps[None, :]
        distance = np.maximum(np.hypot(u, v), 1e-9)
        angle = np.minimum(distance / sphere, 0.95 * np.pi)
        ahead = np.sin(angle) / distance
        return (np.cos(angle)[..., None] * normal + (ahead * u)[..., None] * along + (ahead * v)[..., None] * up), u, v

    # The inner table is found in few directions: the layer begins 1 mm under it, and its depth is read where it lies.
    found = surface_radius(directions(_SEEN)[0], layer.origin_mm, world, sphere)
    steps = np.linspace(0, _SEEN - 1, _TANGENT)
    surface = on_lattice(found, (steps, steps), 0.0, 1.0)
    direction, u, v = directions(_TANGENT)
    distance = np.maximum(np.hypot(u, v), 1e-9)
    solid = (2 * half / (_TANGENT - 1) / sphere) ** 2 * np.sinc(np.minimum(distance / sphere, 0.95 * np.pi) / np.pi)
    thickness = MARGIN * layer.ratio * radius * 1.3
    nodes = surface[..., None] - np.linspace(0, thickness, NODES)
    points = np.asarray(layer.origin_mm) + nodes[..., None] * direction[..., None, :]
    distances = surface[..., None] - layers(_TANGENT) * thickness
    cells = solid[..., None] * distances**2 * (thickness / LAYERS)
    return Columns(points, cells, np.hypot(u / layer.stretch, v))


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
    radius = np.full(direction.shape[:-1], start)
    slope = np.ones_like(radius)
    last: tuple[Floats, Floats] | None = None
    for _ in range(steps):
        points = np.asarray(origin) + radius[..., None] * direction
        depth = world.probe(world.locate(points), "depth").astype(np.float64)
        if last is not None:
            moved = radius - last[0]
            known = np.abs(moved) > 1e-3
            slope = np.where(known, (last[1] - depth) / np.where(known, moved, 1.0), slope)
        last = radius, depth
        radius = np.clip(radius + np.clip(depth / np.clip(slope, *_SLOPES), -20, 60), 10, 140)
    return radius


def _frame(
    layer: Layer,
) -> tuple[Floats, Floats, Floats, float]:
    """Unit normal, horizontal and rising tangent at the centre (z, y, x), and its distance from the origin."""
    offset = np.asarray(layer.centre_mm) - np.asarray(layer.origin_mm)
    radius = float(np.linalg.norm(offset))
    normal = offset / radius
    along = np.cross(np.array([1.0, 0.0, 0.0]), normal)
    if np.linalg.norm(along) < 0.1:  # at the vertex every tangent is horizontal
        along = np.array([0.0, 1.0, 0.0])
    along = along - normal * (along @ normal)
    along /= np.linalg.norm(along)
    return normal, along, np.cross(normal, along), radius


def _dot(offset: list[torch.Tensor], axis: Floats) -> torch.Tensor:
    return (float(axis[0]) * offset[0] + float(axis[1]) * offset[1]) + float(axis[2]) * offset[2]
