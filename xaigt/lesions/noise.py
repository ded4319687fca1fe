"""Smooth noise that the forms of lesions follow: drawn on a small lattice, read at points or on other lattices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.fields import read_noise
from xaigt.compiled.lattices import values_on
from xaigt.lesions.weighted import Index
from xaigt.randomness import white_noise
from xaigt.sampling import Probe, Sampler, flat
from xaigt.splines import control_shape, expand

EXTENT = 2.2  # half the edge of the lattice, in radii of the sphere of a blob's volume; blobs are resolved on as much
_NOISE_POINTS, _NOISE_STEP = 25, 1 / 3  # points an edge, and their distance in knots
NOISE_SPACING = 2 * EXTENT / (_NOISE_POINTS - 1)
NOISE_PLACES = (EXTENT / NOISE_SPACING, 1 / NOISE_SPACING)
"""Shift and scale to places in voxels of the noise."""
_EVERY: Index = np.empty(0, np.intp)

Vector = tuple[float, float, float]
Axes = Sequence[npt.NDArray[np.float64]]
"""Coordinates along z, y and x (mm) of the points of a rectangular lattice."""


@lru_cache(maxsize=16)  # drawing and rendering read the same noise several times
def shape_noise(seed: int, device: torch.device) -> Sampler:
    """Smooth noise of about unit variance over the surroundings of a blob, in units of its radius."""
    return Sampler(noise_values(seed), (-EXTENT, -EXTENT, -EXTENT), NOISE_SPACING, device)


def noise_at(seed: int, points: torch.Tensor, centre: Vector, scale_mm: float) -> torch.Tensor:
    """Noise ``[...]`` of :func:`shape_noise` at points ``[..., 3]``, by their distance from a centre over a scale."""
    if points.device.type != "cpu":
        relative = torch.stack([(points[..., i] - centre[i]) / scale_mm for i in range(3)], -1)
        return shape_noise(seed, points.device)(relative)[0]
    found = np.empty(points.shape[:-1], np.float32)
    read_noise(noise_values(seed)[0], *NOISE_PLACES, centre, scale_mm, flat(points), found.reshape(-1))
    return torch.from_numpy(found)


def noise_probe(seed: int) -> Probe:
    """Read the noise of :func:`shape_noise` at a few points."""
    return Probe(noise_values(seed), (-EXTENT, -EXTENT, -EXTENT), NOISE_SPACING)


@lru_cache(maxsize=16)
def noise_values(seed: int) -> npt.NDArray[np.float32]:
    """Noise of :func:`shape_noise` on its own lattice, ``[1, z, y, x]``, which begins at -EXTENT along each axis."""
    shape = (_NOISE_POINTS,) * 3
    control = white_noise(seed, (1, *control_shape(shape, _NOISE_STEP)))
    # A cubic B-spline of white control values has a variance of about 0.48 ** 3 / knot: bring it to about 1.
    return expand(control, shape, _NOISE_STEP) * np.float32(3.0)


def noise_on(seed: int, axes: Axes, centre: Vector, scale_mm: float) -> torch.Tensor:
    """Noise ``[z, y, x]`` on a rectangular lattice: that of :func:`shape_noise`, at a tenth of the cost a point.

    It is read at the distances of the points from a centre over `scale_mm`.
    """
    z, y, x = axes
    noise = np.empty((len(z), len(y), len(x)), np.float32)
    values_on(noise_values(seed)[0], -EXTENT, NOISE_SPACING, z, y, x, centre, scale_mm, _EVERY, noise.reshape(-1))
    return torch.from_numpy(noise)


def noise_of(seed: int, axes: Axes, index: Index, centre: Vector, scale_mm: float) -> npt.NDArray[np.float32]:
    """Noise ``[n]`` of :func:`noise_on` at some of its points, by their numbers ``[n]``."""
    z, y, x = axes
    noise = np.empty(len(index), np.float32)
    if len(index):
        values_on(noise_values(seed)[0], -EXTENT, NOISE_SPACING, z, y, x, centre, scale_mm, index, noise)
    return noise


def spread(axes: Axes, centre: Vector = (0.0, 0.0, 0.0), scale_mm: float = 1.0) -> list[torch.Tensor]:
    """Coordinates z, y and x of a rectangular lattice, from a centre and over a scale, of shapes that broadcast."""
    return [
        torch.from_numpy(((axis - c) / scale_mm).astype(np.float32)).reshape([-1 if i == n else 1 for i in range(3)])
        for n, (axis, c) in enumerate(zip(axes, centre, strict=True))
    ]
