"""Irregular blobs: a union of ellipsoids whose surface is moved by band-limited noise.

A blob is the set of points where a *size function* G is at most a level. G has the unit mm and grows away from
the centre as the distance does (for a sphere it is the distance). Because one G serves every level, the level
that gives a wanted volume is found by selection among the values of G on a lattice, without iteration.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.blobs import blob_sizes, ellipsoid_squares, melted
from xaigt.distributions import DIGITS, Number, draw
from xaigt.lesions.noise import EXTENT, Axes, noise_at, noise_on
from xaigt.lesions.weighted import Allowed, Points, fill, points_of
from xaigt.sampling import flat, flat_values
from xaigt.schema import Strict
from xaigt.volume import rotation_matrix

_LATTICE = 25  # points an edge
# Where the lattice lies beside the centre (z, y, x), in its steps: on a centred one many points of a symmetric blob are
# equally far out, and its volume comes in jumps of several per cent.
_OFFSET = (0.19, 0.31, 0.43)
MELT = 0.25  # over this width, in radii, the surfaces of two ellipsoids melt into each other
_SHARE = 0.75  # of a blob that lies where it may, roughly
_EDGE = np.linspace(-EXTENT, EXTENT, _LATTICE)


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
    noise = noise_at(blob.noise_seed, points, blob.centre_mm, blob.radius_mm)
    if points.device.type != "cpu":
        return size_on_device(blob, points, noise)
    size = np.empty(noise.shape, np.float32)
    parts = np.array([_row(part) for part in blob.ellipsoids], np.float32)
    blob_sizes(
        flat(points), flat_values(noise), parts, blob.centre_mm, blob.radius_mm, blob.roughness, MELT, EXTENT,
        size.reshape(-1),
    )  # fmt: skip
    return torch.from_numpy(size)


def _row(part: Ellipsoid) -> list[float]:
    """Numbers of an ellipsoid as :func:`xaigt.compiled.blobs.blob_sizes` takes them."""
    axes = rotation_matrix(part.rotation_deg).T[:, ::-1] / np.array(part.axes)[:, None]
    return [*part.offset, *axes.ravel().tolist(), 1 - part.size]


def size_on_device(blob: Blob, points: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Do what :func:`xaigt.compiled.blobs.blob_sizes` does, for any device."""
    offset = [(points[..., i] - blob.centre_mm[i]) / blob.radius_mm for i in range(3)]
    return _size(blob, offset, noise)


def _size(blob: Blob, offset: list[torch.Tensor], noise: torch.Tensor) -> torch.Tensor:
    """G at offsets from the centre (z, y, x; in radii), of shapes that broadcast, with the noise there."""
    nearest: torch.Tensor | None = None
    for part in blob.ellipsoids:
        # Smaller parts start later: they vanish first when the level falls.
        distance = _ellipsoid_norm(part, offset) + (1 - part.size)
        nearest = distance if nearest is None else smooth_minimum(nearest, distance, MELT)
    assert nearest is not None
    # Beyond the lattice that the level was resolved on there is no blob.
    farthest = torch.maximum(torch.maximum(offset[0].abs(), offset[1].abs()), offset[2].abs())
    beyond = torch.clamp(farthest - EXTENT, min=0) * 100
    return (nearest - blob.roughness * noise + beyond) * blob.radius_mm


def _size_on(blob: Blob, axes: Axes, noise: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """G on a lattice ``[z, y, x]``, with the noise there: what :func:`_size` gives, to the bit."""
    z, y, x = (
        ((axis - c) / blob.radius_mm).astype(np.float32) for axis, c in zip(axes, blob.centre_mm, strict=True)
    )  # fmt: skip
    turned = [rotation_matrix(part.rotation_deg).ravel().tolist() for part in blob.ellipsoids]
    parts = [(*part.offset, *turn, *part.axes) for part, turn in zip(blob.ellipsoids, turned, strict=True)]
    starts = np.array([1 - part.size for part in blob.ellipsoids], np.float32)
    distances, size = np.empty((len(parts), *noise.shape), np.float32), np.empty_like(noise)
    ellipsoid_squares(z, y, x, np.array(parts, np.float32), distances)
    torch.from_numpy(distances).sqrt_()
    melted(z, y, x, distances, starts, MELT, EXTENT, blob.roughness, blob.radius_mm, noise, size)
    return size


def _ellipsoid_norm(part: Ellipsoid, offset: list[torch.Tensor]) -> torch.Tensor:
    rotation = rotation_matrix(part.rotation_deg)
    dz, dy, dx = (offset[i] - part.offset[i] for i in range(3))
    squares = []
    for axis in range(3):
        along = (float(rotation[0, axis]) * dx + float(rotation[1, axis]) * dy) + float(rotation[2, axis]) * dz
        squares.append((along / part.axes[axis]) ** 2)
    return torch.sqrt(squares[0] + squares[1] + squares[2])


def smooth_minimum(a: torch.Tensor, b: torch.Tensor, width: float) -> torch.Tensor:
    """Return a minimum whose corner is rounded over `width` (quadratic): parts melt into each other."""
    overlap = torch.clamp(width - (a - b).abs(), min=0) / width
    return torch.minimum(a, b) - overlap * overlap * (width / 4)


def resolve(blob: Blob, allowed: Allowed) -> tuple[Blob, float, Points]:
    """Find the level at which the blob, cut to where it is allowed, has the volume of its sphere.

    Parameters
    ----------
    blob
        With everything but the level, the reach and the range drawn.
    allowed
        Says of points ``[n, 3]`` (z, y, x; mm) where the blob may lie.

    Returns
    -------
    Blob
        With level, reach and range resolved and rounded.
    float
        The nominal volume reached (mm3): less than wanted if too little room is allowed.
    ndarray
        Points ``[n, 3]`` of a lattice that lie inside, each for an equal share of the volume.
    """
    step = 2 * EXTENT * blob.radius_mm / (_LATTICE - 1)
    axes = [_EDGE * blob.radius_mm + (c + step * beside) for c, beside in zip(blob.centre_mm, _OFFSET, strict=True)]
    noise = noise_on(blob.noise_seed, axes, blob.centre_mm, blob.radius_mm)
    size = _size_on(blob, axes, noise.numpy())
    wanted = 4 / 3 * math.pi * blob.radius_mm**3
    found = fill(size.ravel(), step**3, wanted, lambda index: allowed(points_of(axes, index)), _SHARE)
    points = points_of(axes, found.inside)
    if not len(points):
        return blob, 0.0, points
    distance = np.linalg.norm(points - np.asarray(blob.centre_mm), axis=1)
    area = np.bincount(found.inside // _LATTICE**2, minlength=_LATTICE)
    resolved = {
        "level_mm": found.level,
        "reach_mm": round(float(distance.max()) + step, DIGITS),
        "z_range_mm": _heights_of_third(axes[0].tolist(), (area / area.max()).tolist()),
    }
    return blob.model_copy(update=resolved), found.volume, points


def _heights_of_third(z: list[float], share: list[float]) -> tuple[float, float]:
    """Lowest and highest height at which the area, linear between rows of the lattice, is a third of the largest."""
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
