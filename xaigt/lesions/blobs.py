"""Irregular blobs: a union of ellipsoids whose surface is moved by band-limited noise.

A blob is the set of points where a *size function* G is at most a level. G has the unit mm and grows away from
the centre as the distance does (for a sphere it is the distance). Because one G serves every level, the level
that gives a wanted volume is found by selection among the values of G on a lattice, without iteration.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch

from xaigt.distributions import DIGITS, Number, draw
from xaigt.randomness import white_noise
from xaigt.sampling import Sampler
from xaigt.schema import Strict
from xaigt.splines import control_shape, expand
from xaigt.volume import rotation_matrix

EXTENT = 2.2  # half the edge of the lattice that a blob is resolved on, in radii of the sphere of its volume
_LATTICE = 27  # points an edge
# Where the lattice lies beside the centre (z, y, x), in its steps: on a centred one many points of a symmetric blob are
# equally far out, and its volume comes in jumps of several per cent.
_OFFSET = (0.19, 0.31, 0.43)
_NOISE_POINTS, _NOISE_STEP = 25, 1 / 3  # noise lattice: points an edge, and their distance in knots


class Ellipsoid(Strict):
    """One ellipsoid: centre in units of the radius, relative axes (product 1), rotation in degrees."""

    offset: tuple[float, float, float]
    axes: tuple[float, float, float]
    rotation_deg: tuple[float, float, float]
    size: float


class Blob(Strict):
    """Shape of a blob.

    `radius_mm` is that of the sphere of the wanted volume; `level_mm`, `reach_mm` (from the centre to the farthest
    point) and `z_range_mm` (heights whose cross-section is at least a third of the largest) are resolved.
    """

    centre_mm: tuple[float, float, float]
    radius_mm: float
    ellipsoids: tuple[Ellipsoid, ...]
    roughness: float
    noise_seed: int
    level_mm: float = 0.0
    reach_mm: float = 0.0
    z_range_mm: tuple[float, float] = (0.0, 0.0)


def draw_ellipsoids(rng: np.random.Generator, count: int, axis_ratio: Number) -> tuple[Ellipsoid, ...]:
    """Draw one central ellipsoid and smaller ones that overlap it."""
    result = []
    for index in range(count):
        axes = np.array([draw(rng, axis_ratio) for _ in range(3)])
        axes = axes / np.cbrt(axes.prod())
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        distance, size = (rng.uniform(0.5, 0.9), rng.uniform(0.45, 0.75)) if index else (0.0, 1.0)
        result.append(
            Ellipsoid(
                offset=_rounded(direction * distance),
                axes=_rounded(axes),
                rotation_deg=_rounded(rng.uniform(-180, 180, 3)),
                size=round(float(size), DIGITS),
            )
        )
    return tuple(result)


def size_function(blob: Blob, points: torch.Tensor) -> torch.Tensor:
    """G at points ``[..., 3]`` (z, y, x; mm of scanner space)."""
    offset = [(points[..., i] - blob.centre_mm[i]) / blob.radius_mm for i in range(3)]
    nearest: torch.Tensor | None = None
    for part in blob.ellipsoids:
        # Smaller parts start later: they vanish first when the level falls.
        distance = _ellipsoid_norm(part, offset) + (1 - part.size)
        nearest = distance if nearest is None else smooth_minimum(nearest, distance, 0.25)
    assert nearest is not None
    relative = torch.stack(offset, -1)
    noise = shape_noise(blob.noise_seed, points.device)(relative)[0]
    # Beyond the lattice that the level was resolved on there is no blob.
    beyond = torch.clamp(relative.abs().amax(-1) - EXTENT, min=0) * 100
    return (nearest - blob.roughness * noise + beyond) * blob.radius_mm


def _ellipsoid_norm(part: Ellipsoid, offset: list[torch.Tensor]) -> torch.Tensor:
    rotation = rotation_matrix(part.rotation_deg)
    dz, dy, dx = (offset[i] - part.offset[i] for i in range(3))
    squares = torch.zeros_like(dz)
    for axis in range(3):
        along = (float(rotation[0, axis]) * dx + float(rotation[1, axis]) * dy) + float(rotation[2, axis]) * dz
        squares = squares + (along / part.axes[axis]) ** 2
    return torch.sqrt(squares)


def smooth_minimum(a: torch.Tensor, b: torch.Tensor, width: float) -> torch.Tensor:
    """Return a minimum whose corner is rounded over `width` (quadratic): parts melt into each other."""
    overlap = torch.clamp(width - (a - b).abs(), min=0) / width
    return torch.minimum(a, b) - overlap * overlap * (width / 4)


@lru_cache(maxsize=16)  # drawing and rendering read the same noise several times
def shape_noise(seed: int, device: torch.device) -> Sampler:
    """Smooth noise of about unit variance over the surroundings of a blob, in units of its radius."""
    shape = (_NOISE_POINTS,) * 3
    control = white_noise(seed, (1, *control_shape(shape, _NOISE_STEP)))
    # A cubic B-spline of white control values has a variance of about 0.48 ** 3 / knot: bring it to about 1.
    values = expand(control, shape, _NOISE_STEP) * np.float32(3.0)
    spacing = 2 * EXTENT / (_NOISE_POINTS - 1)
    return Sampler(values, (-EXTENT, -EXTENT, -EXTENT), spacing, device)


def lattice_around(
    centre: tuple[float, float, float], radius: float, device: torch.device
) -> tuple[torch.Tensor, float]:
    """Points ``[n, n, n, 3]`` (z, y, x; mm) on which a blob is resolved, and the volume (mm3) of each."""
    edge = torch.linspace(-EXTENT * radius, EXTENT * radius, _LATTICE, dtype=torch.float64)
    step = 2 * EXTENT * radius / (_LATTICE - 1)
    z, y, x = ((edge + (c + step * beside)).float().to(device) for c, beside in zip(centre, _OFFSET, strict=True))
    grid = torch.stack(torch.meshgrid(z, y, x, indexing="ij"), -1)
    return grid, step**3


def resolve(blob: Blob, points: torch.Tensor, cell_mm3: float, allowed: torch.Tensor) -> tuple[Blob, float]:
    """Find the level at which the blob, cut to where it is allowed, has the volume of its sphere.

    Parameters
    ----------
    blob
        With everything but the level, the reach and the range drawn.
    points, cell_mm3
        From :func:`lattice_around`.
    allowed
        Boolean ``[n, n, n]``: where the blob may lie.

    Returns
    -------
    Blob
        With level, reach and range resolved and rounded.
    float
        The nominal volume reached (mm3): less than wanted if too little room is allowed.
    """
    size = size_function(blob, points)
    values = size[allowed]
    if values.numel() == 0:
        return blob, 0.0
    wanted = 4 / 3 * math.pi * blob.radius_mm**3
    count = min(max(1, round(wanted / cell_mm3)), values.numel())
    # Rounded up, so that the value which decides the count stays inside.
    level = math.ceil(float(torch.kthvalue(values, count).values) * 10**DIGITS) / 10**DIGITS
    inside = allowed & (size <= level)
    distance = (points - torch.tensor(blob.centre_mm, dtype=points.dtype, device=points.device)).norm(dim=-1)
    area = inside.sum((1, 2))
    resolved = {
        "level_mm": level,
        "reach_mm": round(float(distance[inside].max()) + cell_mm3 ** (1 / 3), DIGITS),
        "z_range_mm": _heights_of_third(points[:, 0, 0, 0], area),
    }
    return blob.model_copy(update=resolved), int(inside.sum()) * cell_mm3


def _heights_of_third(heights: torch.Tensor, area: torch.Tensor) -> tuple[float, float]:
    """Lowest and highest height at which the area, linear between rows of the lattice, is a third of the largest."""
    z, share = heights.double().tolist(), (area.double() / area.max()).tolist()
    good = [index for index, value in enumerate(share) if 3 * value >= 1]
    ends = []
    for row, beyond in ((good[0], good[0] - 1), (good[-1], good[-1] + 1)):
        found = z[row]
        if 0 <= beyond < len(z):
            found += (z[beyond] - z[row]) * (share[row] - 1 / 3) / (share[row] - share[beyond])
        ends.append(round(found, DIGITS))
    return ends[0], ends[1]


def sphere_radius(volume_mm3: float) -> float:
    """Radius (mm) of the sphere of a volume."""
    return round((3 * volume_mm3 / (4 * math.pi)) ** (1 / 3), DIGITS)


def _rounded(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float]:
    z, y, x = (round(float(value), DIGITS) for value in values)
    return z, y, x
