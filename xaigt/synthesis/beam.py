"""Beam hardening of head CT: what X-rays that bone has filtered do to the image, alike in image and twin.

Between the petrous bones lies a dark band with bright borders and finer streaks beside it (the Hounsfield bar), and
under the inner table brain looks brighter than it is (cupping, overcorrected). Both are drawn by formula, in the head
frame of the template: positions and widths are approximate, and they do not follow the bone of a slice.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from xaigt.anatomy.lattices import MappedLattice
from xaigt.anatomy.world import Anatomy
from xaigt.compiled.beam import add_bar, rim
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
    lattice = anatomy.map.on_grid(grid)
    lowest, highest = lattice.heights()
    near = np.flatnonzero((lowest < PETROUS[0] + REACH_MM) & (highest > PETROUS[0] - REACH_MM))
    planes = slice(int(near[0]), int(near[-1]) + 1) if acquisition.beam_hu and near.size else None
    if planes is None and not acquisition.rim_hu:
        return None
    return (_compiled if depth.device.type == "cpu" else _computed)(acquisition, depth, lattice, planes)


def _compiled(
    acquisition: Acquisition, depth: torch.Tensor, lattice: MappedLattice, planes: slice | None
) -> torch.Tensor:
    """What is added; the bar only in some planes."""
    added, under = torch.empty(depth.shape), depth.contiguous().numpy()
    rim(under.reshape(-1), acquisition.rim_hu, RIM_MM, added.numpy().reshape(-1))
    if planes is not None:
        box = box_of(under[planes] > 0)
        part = under[planes][box]
        places = lattice.along((slice(planes.start + box[0].start, planes.start + box[0].stop), box[1], box[2]))
        bar = np.zeros(part.shape, np.float32)
        add_bar(
            places.numpy().reshape(3, -1), part.reshape(-1), acquisition.beam_hu, acquisition.beam_phase, PETROUS,
            (HEIGHT_MM, BAND_MM, BESIDE_MM, STREAK_MM, STREAKS), bar.reshape(-1),
        )  # fmt: skip
        added.numpy()[planes][box] += bar
    return added


def _computed(
    acquisition: Acquisition, depth: torch.Tensor, lattice: MappedLattice, planes: slice | None
) -> torch.Tensor:
    """Return what :func:`_compiled` does, on any device."""
    added = acquisition.rim_hu * torch.exp(-depth.clamp(min=0) / RIM_MM)
    if planes is not None:
        part = (planes, slice(None), slice(None))
        added[planes] += acquisition.beam_hu * _bar(lattice.points(part), acquisition.beam_phase)
    return added * (depth > 0)


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
