"""Lobes of a template: the scheme of :mod:`xaigt.lobes`, scaled to its head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xaigt.anatomy.fields import CHANNELS, Fields
from xaigt.lobes import NAMES, lobe

LOBE = "lobe"  # what a world calls it, beside the channels


def lobes_at(
    scale: tuple[float, float, float],
    z: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    x: npt.NDArray[np.floating],
) -> npt.NDArray[np.uint8]:
    """Return the number of the lobe at positions (mm) of template space; shapes broadcast.

    `scale` (x, y, z) is that of :class:`~xaigt.anatomy.fields.Fields`.
    """
    along_x, along_y, along_z = scale
    return lobe(z * along_z, y * along_y, x * along_x)


def lobe_map(fields: Fields) -> npt.NDArray[np.uint8]:
    """Return the numbers of lobes on the lattice of a template, ``[z, y, x]``; 0 outside brain tissue."""
    tissue = fields.data[CHANNELS.index("grey")] + fields.data[CHANNELS.index("white")] > 0.5
    return np.where(tissue, lobes_at(fields.scale, *fields.lattice.axes()), 0).astype(np.uint8)


def lobe_volumes(fields: Fields) -> dict[str, float]:
    """Brain tissue of each lobe, in mL."""
    counts = np.bincount(lobe_map(fields).ravel(), minlength=len(NAMES) + 1)
    voxel_ml = fields.lattice.spacing**3 / 1000
    return {name: round(float(count) * voxel_ml, 1) for name, count in zip(NAMES, counts[1:], strict=True)}
