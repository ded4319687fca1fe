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
    added, lattice = torch.zeros_like(depth), anatomy.map.on_grid(grid)
    lowest, highest = (heights[box[0]] for heights in lattice.heights())
    near = np.flatnonzero((lowest < PETROUS[0] + REACH_MM) & (highest > PETROUS[0] - REACH_MM))
    planes = slice(int(near[0]), int(near[-1]) + 1) if acquisition.beam_hu and near.size else slice(0)
    compute = _compiled if depth.device.type == "cpu" else _computed
    added[box] = compute(acquisition, depth[box], lattice, box, planes)
    return added


def _compiled(
    acquisition: Acquisition, depth: torch.Tensor, lattice: MappedLattice, box: tuple[slice, ...], planes: slice
) -> torch.Tensor:
    """What is added to the box of the inside; the bar only to some of its planes."""
    part, under = torch.empty(depth.shape), depth.contiguous().numpy()
    rim(under.reshape(-1), acquisition.rim_hu, RIM_MM, part.numpy().reshape(-1))
    if planes.stop:
        places = lattice.along(_among(box, planes)).numpy()
        add_bar(
            places.reshape(3, -1), under[planes].reshape(-1), acquisition.beam_hu, acquisition.beam_phase, PETROUS,
            (HEIGHT_MM, BAND_MM, BESIDE_MM, STREAK_MM, STREAKS), part.numpy()[planes].reshape(-1),
        )  # fmt: skip
    return part


def _computed(
    acquisition: Acquisition, depth: torch.Tensor, lattice: MappedLattice, box: tuple[slice, ...], planes: slice
) -> torch.Tensor:
    """Return what :func:`_compiled` does, on any device."""
    part = acquisition.rim_hu * torch.exp(-depth.clamp(min=0) / RIM_MM)
    if planes.stop:
        part[planes] += acquisition.beam_hu * _bar(lattice.points(_among(box, planes)), acquisition.beam_phase)
    return part * (depth > 0)


def _among(box: tuple[slice, ...], planes: slice) -> tuple[slice, slice, slice]:
    """Part of a box: some of its planes."""
    return slice(box[0].start + planes.start, box[0].start + planes.stop), box[1], box[2]


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
