"""Where each kind of hemorrhage may lie: signed distances to ventricles and parenchyma of a brain in MNI space."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from xaigt.anatomy.geometry import Array, Mask, signed_distance
from xaigt.anatomy.tissue import TissueMaps

# A seed in each frontal horn, and boxes (z, y, x; low, high; mm) of the ventricles that the seeds do not reach.
_HORN_SEEDS = ((15, 15, 9), (15, 15, -9))
_THIRD = ((-14, -28, -4), (8, 8, 4))
_FOURTH = ((-46, -54, -13), (-16, -34, 13))
# The cisterns behind and below the third ventricle touch it in the average brain: never ventricle.
_CISTERNS = ((-40, -62, -11), (12, -29, 11))


def ventricle_mask(maps: TissueMaps, csf: Array) -> Mask:
    """Mask of the lateral, third and fourth ventricles.

    Parameters
    ----------
    maps
        Tissue fractions of a brain in MNI space.
    csf
        Cerebrospinal fluid fraction (0..1).
    """
    fluid = csf > 0.5
    cisterns, fourth = _box(maps, *_CISTERNS), _box(maps, *_FOURTH)
    labels, _ = ndimage.label(fluid & ~cisterns)
    seeds = {int(labels[_voxel(maps, seed)]) for seed in _HORN_SEEDS} - {0}
    lateral = np.isin(labels, list(seeds))
    result: Mask = lateral | (fluid & (_box(maps, *_THIRD) | fourth))
    return result


def parenchyma_distance(maps: TissueMaps, ventricles: Mask) -> Array:
    """Signed distance (mm, positive inside) to the parenchyma: brain without ventricles and wide fluid spaces.

    Narrow sulci (under about 4 mm) count as parenchyma: a hematoma displaces what little fluid is in them.
    """
    solid = (maps.grey + maps.white > 0.5) & ~ventricles
    envelope = ndimage.binary_closing(np.pad(solid, 4), iterations=2)[4:-4, 4:-4, 4:-4] & ~ventricles
    return np.asarray(ndimage.gaussian_filter(signed_distance(envelope, maps.lattice.spacing), 0.5), np.float32)


def _voxel(maps: TissueMaps, position: tuple[float, float, float]) -> tuple[int, int, int]:
    z, y, x = (round((p - o) / maps.lattice.spacing) for p, o in zip(position, maps.lattice.origin, strict=True))
    return z, y, x


def _box(maps: TissueMaps, low: tuple[float, float, float], high: tuple[float, float, float]) -> Mask:
    inside = np.ones(maps.lattice.shape, bool)
    for axis, a, b in zip(maps.lattice.axes(), low, high, strict=True):
        inside &= (axis >= a) & (axis <= b)
    return inside
