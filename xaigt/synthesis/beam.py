"""Beam hardening of head CT: what X-rays that bone has filtered do to the image, alike in image and twin.

Between the petrous bones lies a dark band with bright borders and finer streaks beside it (the Hounsfield bar), and
under the inner table brain looks brighter than it is (cupping, overcorrected). Both are drawn by formula, in the head
frame of the template: positions and widths are approximate, and they do not follow the bone of a slice.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from xaigt.anatomy.world import Anatomy
from xaigt.shape import box_of
from xaigt.synthesis.acquisition import Acquisition
from xaigt.volume import Grid

PETROUS = (-34.0, -25.0)  # height z and place y of the line between the petrous ridges (mm of template space)
HEIGHT_MM, BAND_MM, BESIDE_MM, STREAK_MM = 9.0, 5.0, 30.0, 11.0
REACH_MM = 3 * HEIGHT_MM  # above and below the ridges; farther away the band is nothing
STREAKS = 0.35  # of the band's amplitude
RIM_MM = 6.0  # depth over which the brightness under the inner table falls to 1 / e


def beam_hardening(acquisition: Acquisition, grid: Grid, anatomy: Anatomy, depth: torch.Tensor) -> torch.Tensor | None:
    """Hounsfield units that beam hardening adds to every image of a sample; None if that is nothing.

    It is computed in the smallest box that holds the inside of the skull.

    Parameters
    ----------
    acquisition
        `beam_hu`: depth of the dark band; `beam_phase`: where its streaks lie; `rim_hu`: brightness at the inner table.
    grid, anatomy
        The voxels, and where they lie in the template.
    depth
        ``[z, y, x]``: distance under the inner table (mm); outside the skull nothing is added.
    """
    if not acquisition.rim_hu and not acquisition.beam_hu:
        return None
    inside = depth > 0
    box = box_of(inside.cpu().numpy())
    if box[0].stop == 0:
        return None
    inside, added = inside[box], torch.zeros_like(depth)
    part = torch.zeros_like(inside, dtype=depth.dtype)
    if acquisition.rim_hu:
        part += acquisition.rim_hu * torch.exp(-depth[box].clamp(min=0) / RIM_MM)
    lattice = anatomy.map.on_grid(grid)
    lowest, highest = (heights[box[0]] for heights in lattice.heights())
    near = np.flatnonzero((lowest < PETROUS[0] + REACH_MM) & (highest > PETROUS[0] - REACH_MM))
    if acquisition.beam_hu and near.size:
        planes, first = slice(int(near[0]), int(near[-1]) + 1), box[0].start
        points = lattice.points((slice(first + planes.start, first + planes.stop), box[1], box[2]))
        part[planes] += acquisition.beam_hu * _bar(points, acquisition.beam_phase)
    added[box] = part * inside
    return added


def _bar(at: torch.Tensor, phase: float) -> torch.Tensor:
    """Dark band, bright borders and streaks at points ``[..., 3]`` of template space, for an amplitude of 1."""
    across = (at[..., 1] - PETROUS[1]) / BAND_MM
    envelope = torch.exp(-(((at[..., 0] - PETROUS[0]) / HEIGHT_MM) ** 2) - (at[..., 2] / BESIDE_MM) ** 4)
    square = across**2
    # Dark in the middle, bright beside it: what is taken here is given there.
    band = -(1 - square) * torch.exp(-0.5 * square)
    turns = (at[..., 1] + 0.25 * at[..., 2]) / STREAK_MM + phase
    streaks = STREAKS * torch.cos(2 * math.pi * turns) * torch.exp(-square / 18)
    return envelope * (band + streaks)
