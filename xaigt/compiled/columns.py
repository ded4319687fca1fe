"""Loops over the columns of points that layers of blood are resolved on, see :mod:`xaigt.lesions.columns`.

An array of a few thousand points is small: what NumPy and torch start for each operation takes longer than the work.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xaigt.compiled import compiled

_WIDEST = 0.95 * math.pi  # angle from a layer's centre up to which directions are told apart
_MIDDLE = 1e-9  # mm: no direction leads along the sphere from the centre to itself


@compiled()
def _direction(normal: Any, along: Any, up: Any, sphere: Any, u: Any, v: Any) -> Any:
    """Unit direction (z, y, x) to a point of a sphere, so far along two tangents, and the angle to it."""
    distance = max(math.hypot(u, v), _MIDDLE)
    angle = min(distance / sphere, _WIDEST)
    ahead, straight = math.sin(angle) / distance, math.cos(angle)
    z = (straight * normal[0] + (ahead * u) * along[0]) + (ahead * v) * up[0]
    y = (straight * normal[1] + (ahead * u) * along[1]) + (ahead * v) * up[1]
    x = (straight * normal[2] + (ahead * u) * along[2]) + (ahead * v) * up[2]
    return z, y, x, angle


@compiled()
def _even(number: Any, half: Any, count: Any) -> Any:
    """Place of one of `count` points that lie evenly from -half to half."""
    return half if number == count - 1 else number * (2 * half / (count - 1)) - half


@compiled("UniTuple(f8, 3)", "UniTuple(f8, 3)", "UniTuple(f8, 3)", "f8", "f8", "f8[:, :, ::1]")
def directions(normal: Any, along: Any, up: Any, sphere: Any, half: Any, out: Any) -> None:
    """Find unit directions that lie evenly about one of them.

    Parameters
    ----------
    normal, along, up
        Orthogonal unit vectors (z, y, x): the direction in the middle, and those that the others lean to.
    sphere
        Distance (mm) at which they are evenly apart.
    half
        How far the last lie from the middle, there (mm).
    out
        ``[n, n, 3]``, to write to.
    """
    count = len(out)
    for i in range(count):
        for j in range(count):
            z, y, x, _ = _direction(normal, along, up, sphere, _even(i, half, count), _even(j, half, count))
            out[i, j, 0], out[i, j, 1], out[i, j, 2] = z, y, x


@compiled(
    "UniTuple(f8, 3)", "UniTuple(f8, 3)", "UniTuple(f8, 3)", "UniTuple(f8, 3)", "f8", "f8", "f8", "f8[:, ::1]", "f8",
    "Array(float64, 3, 'C', readonly=True)", "f8[:, :, :, ::1]", "f8[:, :, ::1]", "f8[:, ::1]",
)  # fmt: skip
def under_surface(
    origin: Any, normal: Any, along: Any, up: Any, sphere: Any, half: Any, stretch: Any, surface: Any, thickness: Any,
    shares: Any, nodes: Any, cells: Any, distances: Any,
) -> None:  # fmt: skip
    """Lay columns from a surface towards a point.

    Parameters
    ----------
    origin
        That point (z, y, x; mm).
    normal, along, up, sphere, half
        As in :func:`directions`: there is a column along each of ``[n, n]``.
    stretch
        By which the distance along one tangent is shortened.
    surface
        ``[m, m]``: distance (mm) of the surface from the point along fewer directions, as evenly spread.
    thickness
        Length of the columns (mm).
    shares
        ``[n, n, k]``: where along each column its points lie.
    nodes
        ``[n, n, NODES, 3]``, to write to: points evenly along each column.
    cells
        ``[n, n, k]``, to write to: volume (mm3) of each point.
    distances
        ``[n, n]``, to write to: of each column from the middle one, along the sphere (mm).
    """
    count, few, ends = len(nodes), len(surface), nodes.shape[2]
    solid = 2 * half / (count - 1) / sphere
    solid *= solid
    for i in range(count):
        u, place = _even(i, half, count), i * ((few - 1) / (count - 1))
        a = min(int(place), few - 2)
        ahead = place - a
        for j in range(count):
            v, place = _even(j, half, count), j * ((few - 1) / (count - 1))
            b = min(int(place), few - 2)
            left = surface[a, b] + ahead * (surface[a + 1, b] - surface[a, b])
            right = surface[a, b + 1] + ahead * (surface[a + 1, b + 1] - surface[a, b + 1])
            far = left + (place - b) * (right - left)
            z, y, x, angle = _direction(normal, along, up, sphere, u, v)
            for k in range(ends):
                reach = far - k * (thickness / (ends - 1))
                nodes[i, j, k, 0] = origin[0] + reach * z
                nodes[i, j, k, 1] = origin[1] + reach * y
                nodes[i, j, k, 2] = origin[2] + reach * x
            area = solid * (math.sin(angle) / angle)
            for k in range(shares.shape[2]):
                reach = far - shares[i, j, k] * thickness
                cells[i, j, k] = area * (reach * reach) * (thickness / shares.shape[2])
            distances[i, j] = math.hypot(u / stretch, v)


@compiled("f8[::1]", "f4[::1]", "f8[::1]", "f8[::1]", "f8[::1]", "UniTuple(f8, 2)")
def step_to_surface(radius: Any, depth: Any, last_radius: Any, last_depth: Any, slope: Any, slopes: Any) -> None:
    """Step along rays towards where a depth is 0, by the secant method.

    Parameters
    ----------
    radius
        ``[n]``: where on its ray each point is (mm); it is moved.
    depth
        ``[n]``: the depth (mm) there, which falls along the ray.
    last_radius, last_depth
        ``[n]``: where it was before, and the depth there; both are overwritten by what is there now. No number: it was
        nowhere.
    slope
        ``[n]``: fall of the depth, kept up to date.
    slopes
        Least and largest slope to go by.
    """
    for i in range(len(radius)):
        moved = radius[i] - last_radius[i]
        if abs(moved) > 1e-3:
            slope[i] = (last_depth[i] - depth[i]) / moved
        last_radius[i], last_depth[i] = radius[i], depth[i]
        step = last_depth[i] / min(max(slope[i], slopes[0]), slopes[1])
        radius[i] = min(max(radius[i] + min(max(step, -20.0), 60.0), 10.0), 140.0)


@compiled("f8[:, :, ::1]", "Array(float64, 2, 'C', readonly=True)", "f8[:, :, ::1]")
def along_columns(values: Any, shares: Any, out: Any) -> None:
    """Interpolate the values of nodes along columns.

    Parameters
    ----------
    values
        ``[n, NODES, k]``.
    shares
        ``[n, m]``: where along each column, from 0 to 1.
    out
        ``[n, m, k]``, to write to.
    """
    last = values.shape[1] - 1
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            place = shares[i, j] * last
            low = min(int(place), last - 1)
            share = place - low
            for k in range(out.shape[2]):
                out[i, j, k] = values[i, low, k] + (values[i, low + 1, k] - values[i, low, k]) * share


@compiled("b1", "f8", "f8", "f8", "f8[:, ::1]", "f8[:, :, ::1]", "f8[::1]", "f8[:, ::1]", "b1[:, ::1]")
def layer_sizes(
    lens: Any, ratio: Any, roughness: Any, dura: Any, folds: Any, points: Any, along: Any, size: Any, free: Any
) -> None:
    """Evaluate the size function of a layer against the inner table, and where it may lie.

    Parameters
    ----------
    lens, ratio, roughness
        Its form (else a crescent), its thickness over its radius, and how far noise bends its size.
    dura
        Depth from which it may lie (mm).
    folds
        ``[m, 4]``: half-spaces of template space that it may lie in, each a normal (z, y, x) and its least product.
    points
        ``[n, k, 5]`` in columns: position in template space, depth and noise.
    along
        ``[n]``: distance of the columns from its centre (mm).
    size, free
        ``[n, k]``, to write to.
    """
    for i in range(points.shape[0]):
        for j in range(points.shape[1]):
            z, y, x, depth, noise = points[i, j]
            scaled = max(depth, 0.0) / ratio
            if lens:
                plain = (scaled + math.sqrt(scaled * scaled + 4 * (along[i] * along[i]))) / 2
            else:
                square, across = scaled * scaled, along[i] * along[i]
                plain = math.sqrt(math.sqrt(square * square + across * across))
            size[i, j] = plain * (1 + roughness * noise)
            fits = depth >= dura
            for k in range(folds.shape[0]):
                fits = fits and (folds[k, 0] * z + folds[k, 1] * y) + folds[k, 2] * x >= folds[k, 3]
            free[i, j] = fits


@compiled("f8[:, :, :, ::1]", "b1[:, ::1]", "f8[::1]")
def largest_step(nodes: Any, filled: Any, out: Any) -> None:
    """Find the largest distance from a filled column ``[u, v]`` to the next along u or v.

    Parameters
    ----------
    nodes
        ``[u, v, NODES, 3]``; the first of each column tells where it is.
    filled
        ``[u, v]``.
    out
        ``[1]``, to write to; 0 if none is filled.
    """
    largest = 0.0
    for u in range(filled.shape[0]):
        for v in range(filled.shape[1]):
            for a, b in ((u + 1, v), (u, v + 1)):
                if a < filled.shape[0] and b < filled.shape[1] and (filled[u, v] or filled[a, b]):
                    square = 0.0
                    for k in range(3):
                        apart = nodes[a, b, 0, k] - nodes[u, v, 0, k]
                        square += apart * apart
                    largest = max(largest, square)
    out[0] = np.sqrt(largest)
