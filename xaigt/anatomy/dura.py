"""Falx, tentorium and superior sagittal sinus, as far as tissue maps of a brain in MNI space allow.

The maps do not show the dura: the falx is placed in the midsagittal plane where the fissure is free of white
matter, the tentorium at the valley of tissue between cerebrum and cerebellum, found near its MNI position.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from xaigt.anatomy.geometry import Array, ramp, soft, together
from xaigt.anatomy.tissue import TissueMaps

FALX_HALF_MM, TENTORIUM_HALF_MM = 0.7, 0.7


def dura(maps: TissueMaps, depth: Array) -> Array:
    """Fraction (0..1) of each voxel that is falx, tentorium or sagittal sinus.

    Parameters
    ----------
    maps
        Tissue fractions.
    depth
        Signed distance to the inner table in mm, positive inside.
    """
    falx, tentorium, sinus = together(
        lambda: _falx(maps, depth), lambda: _tentorium(maps), lambda: _sagittal_sinus(maps, depth)
    )
    return np.maximum(np.maximum(falx, tentorium), sinus) * soft(depth)


def _falx(maps: TissueMaps, depth: Array) -> Array:
    z, y, x = maps.lattice.axes()
    middle = int(np.argmin(np.abs(x)))
    white = maps.white[:, :, middle - 2 : middle + 3].mean(2)
    # Corpus callosum, brain stem and vermis bridge the midline; the falx keeps clear of them and of what lies below.
    bridge = ndimage.binary_dilation(white > 0.3, iterations=3)
    below = np.flip(np.maximum.accumulate(np.flip(bridge, 0), 0), 0)
    free = ~below
    z2, y2 = z[:, :, 0], y[:, :, 0]
    reach = 26 + 20 * ramp(40, -40, y2)  # the falx is a sickle: narrow in front, wide behind
    above_tentorium = z2 > np.where(y2 < -45, 2 + (y2 + 45) * 0.25, -14)
    inside = depth[:, :, middle]
    sheet = free & (inside < reach) & (inside > -1) & above_tentorium & (y2 < 74)
    region = ndimage.gaussian_filter(sheet.astype(np.float32), 1.0)
    return np.asarray(region[:, :, None] * soft(np.float32(FALX_HALF_MM) - np.abs(x), 0.5), np.float32)


def _tentorium(maps: TissueMaps) -> Array:
    z, y, x = maps.lattice.axes()
    tissue = ndimage.gaussian_filter(np.minimum(maps.grey + maps.white, 1) + 0.6 * maps.white, (1.0, 1.5, 1.5))
    prior = 0.0 - 0.35 * np.abs(x[0]) + 0.22 * (y[0] + 45)  # height (mm) of the tent in MNI space, roughly
    cost = tissue + 0.006 * (z - prior) ** 2
    cost[np.broadcast_to(np.abs(z - prior) > 9, cost.shape)] = np.inf
    height = np.argmin(cost, 0) * maps.lattice.spacing + maps.lattice.origin[0]
    height = ndimage.median_filter(height, 7)
    height = ndimage.gaussian_filter(height.astype(np.float32), 3.0)
    leaf = ramp(-30, -38, y[0]) * ramp(62, 52, np.abs(x[0])) * ramp(5, 12, np.abs(x[0]) - 0.6 * (y[0] + 55))
    gap = ramp(1.0, 0.85, ndimage.gaussian_filter(maps.white, 1.0) * 2)
    return np.asarray(
        leaf[None] * soft(np.float32(TENTORIUM_HALF_MM) - np.abs(z - height[None]), 0.5) * gap, np.float32
    )


def _sagittal_sinus(maps: TissueMaps, depth: Array) -> Array:
    """Fill a triangle under the inner table along the midline, from the vertex to the torcula."""
    z, y, x = maps.lattice.axes()
    width = 0.5 + 0.55 * (6 - depth)
    along = np.maximum(ramp(15, 45, z) * ramp(50, 20, y), ramp(-70, -90, y) * ramp(-22, -12, z))
    return np.asarray(soft(width - np.abs(x)) * soft(6 - depth) * along, np.float32)
