"""Volumes in millimetres: sampling grids and NIfTI files.

Every array of xaigt is indexed ``[z, y, x]`` (2-D: ``[y, x]``) the way radiologists look at it: z rises to the
top of the head, rows run from front to back, columns from the patient's right to the left (LPS in-plane). World
coordinates are RAS millimetres, as in NIfTI.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Grid:
    """The voxels of a sample in scanner space.

    Parameters
    ----------
    shape
        (z, y, x) counts; a 2-D sample is one slice: (1, y, x).
    spacing
        (z, y, x) distance between voxel centres in mm.
    thickness
        Slice thickness in mm; neighbouring slices may overlap or leave gaps.
    centre
        RAS position (x, y, z) of the middle of the grid, in mm.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    thickness: float
    centre: tuple[float, float, float]

    @property
    def voxel(self) -> tuple[float, float, float]:
        """(z, y, x) extent of what one voxel averages, in mm."""
        return (self.thickness, self.spacing[1], self.spacing[2])

    @property
    def voxel_volume(self) -> float:
        """Volume in mm3 that one voxel stands for (spacing, not thickness: gaps are shared out)."""
        return self.spacing[0] * self.spacing[1] * self.spacing[2]

    def at(self, z: float) -> Grid:
        """Return the same grid with its middle at height `z` (mm)."""
        return Grid(self.shape, self.spacing, self.thickness, (self.centre[0], self.centre[1], z))

    @cached_property
    def affine(self) -> npt.NDArray[np.float64]:
        """4 x 4 matrix from array indices (z, y, x) to RAS mm (x, y, z)."""
        (nz, ny, nx), (dz, dy, dx), (cx, cy, cz) = self.shape, self.spacing, self.centre
        return np.array(
            [
                [0, 0, -dx, cx + dx * (nx - 1) / 2],
                [0, -dy, 0, cy + dy * (ny - 1) / 2],
                [dz, 0, 0, cz - dz * (nz - 1) / 2],
                [0, 0, 0, 1],
            ],
            dtype=np.float64,
        )

    def axes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """RAS coordinates of the voxel centres along the array axes: z, y and x, in mm."""
        return self._axes

    @cached_property
    def _axes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        (nz, ny, nx), affine = self.shape, self.affine
        axes = (
            affine[2, 3] + affine[2, 0] * np.arange(nz),
            affine[1, 3] + affine[1, 1] * np.arange(ny),
            affine[0, 3] + affine[0, 2] * np.arange(nx),
        )
        for axis in axes:
            axis.flags.writeable = False
        return axes


def rotation_matrix(degrees: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Rotation about x, then y, then z (order x, y, z of coordinates)."""
    (ca, cb, cc), (sa, sb, sc) = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def nifti_affine(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Affine for an array whose axes were reversed to (x, y, z), as NIfTI stores them."""
    result = affine.copy()
    result[:, :3] = affine[:, 2::-1]
    return result


def write_nifti(path: Path, array: npt.NDArray[Any], affine: npt.NDArray[np.float64]) -> None:
    """Write a ``[z, y, x]`` array (or ``[y, x]``, one slice) as NIfTI-1, whole or not at all.

    Parameters
    ----------
    path
        Ends in .nii or .nii.gz.
    array
        int16 or uint8.
    affine
        From ``[z, y, x]`` indices to RAS mm.
    """
    import nibabel

    volume = np.atleast_3d(array.T) if array.ndim == 2 else array.transpose(2, 1, 0)
    image = nibabel.Nifti1Image(np.ascontiguousarray(volume), nifti_affine(affine))
    image.header.set_xyzt_units("mm")
    image.set_sform(image.affine, code="scanner")
    image.set_qform(image.affine, code="scanner")
    temporary = path.with_name(f".tmp-{path.name}")  # keeps the suffix that nibabel goes by
    try:
        nibabel.save(image, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_nifti(path: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Voxels of a three-dimensional NIfTI file as float32 ``[z, y, x]``, and the affine of that array."""
    import nibabel

    image = nibabel.load(path)
    array = np.asarray(image.dataobj, np.float32).transpose(2, 1, 0)
    affine = np.asarray(image.affine, np.float64)
    affine[:, :3] = affine[:, 2::-1]
    return np.ascontiguousarray(array), affine
