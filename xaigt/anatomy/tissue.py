"""What is known of a head before any contrast is given to it: tissue fractions on a lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from xaigt.anatomy.geometry import Array, Lattice, Mask


@dataclass(frozen=True)
class TissueMaps:
    """Grey- and white-matter fractions (0..1) and the brain, on one lattice.

    `brain` is closed and filled: cerebrospinal fluid is what of it is neither grey nor white.
    """

    lattice: Lattice
    grey: Array
    white: Array
    brain: Mask


def filled_brain(t1: Array, threshold: float = 0.05, closing: int = 4) -> Mask:
    """Brain mask of a skull-stripped T1 image scaled to 0..1: bright voxels, closed (mm) and filled."""
    padded = np.pad(t1 > threshold, closing + 2)
    closed = ndimage.binary_closing(padded, iterations=closing)
    inner = slice(closing + 2, -(closing + 2))
    filled: Mask = ndimage.binary_fill_holes(closed)[inner, inner, inner]
    return filled
