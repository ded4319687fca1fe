"""Reading a NIfTI file of any origin: what can be understood is handled, what cannot be is refused with the reason.

Any orientation, oblique and sheared affines (gantry tilt) and anisotropic voxels are fine: the affine is all that
resampling needs. A fourth axis of length one is dropped.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from xaigt.anatomy.geometry import Array, Lattice
from xaigt.anatomy.sources import TemplateError

LEAST_SLICES = 8
EXTENT_MM = (80.0, 700.0)  # of a head in each direction, with room for arms of the table and thin slabs
CORMACK_LOW, CORMACK_HIGH = 900.0, 3100.0


@dataclass(frozen=True)
class Volume:
    """Voxels as they lie in the file.

    Parameters
    ----------
    data
        ``[i, j, k]`` float32, in the order of the file.
    affine
        4 x 4, from indices (i, j, k) to RAS mm (x, y, z).
    path
        Where it was read from.
    """

    data: Array
    affine: npt.NDArray[np.float64]
    path: Path

    @property
    def spacing(self) -> npt.NDArray[np.float64]:
        """Distance of neighbouring voxels along i, j, k in mm."""
        return np.asarray(np.sqrt((self.affine[:3, :3] ** 2).sum(0)))

    @property
    def shear_deg(self) -> float:
        """How far the axes are from right angles (gantry tilt), in degrees."""
        axes = self.affine[:3, :3] / self.spacing
        return float(np.degrees(np.arcsin(min(1.0, np.abs(axes.T @ axes - np.eye(3)).max()))))


def read_volume(path: Path) -> Volume:
    """Read a three-dimensional scalar volume.

    Raises
    ------
    TemplateError
        If the file is missing, truncated, no NIfTI, RGB or complex, a series of volumes, holds NaN or infinite
        values, is empty or constant, or does not say where its voxels lie.
    """
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    if not path.is_file():
        raise TemplateError(f"{path}: no such file.")
    try:
        image: Any = nibabel.load(path)
    except (ImageFileError, HeaderDataError) as error:
        raise TemplateError(f"{path}: not a NIfTI file ({_first_line(error)}).") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise TemplateError(f"{path}: cannot be read ({_first_line(error)}).") from None
    _check_header(image, path)
    try:
        data = np.asarray(image.dataobj, np.float32)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise TemplateError(
            f"{path}: the file is truncated or damaged ({_first_line(error)}); copy or convert it again."
        ) from None
    data = np.ascontiguousarray(data.reshape(data.shape[:3]))
    _check_values(data, path)
    volume = Volume(data, np.asarray(image.affine, np.float64), path)
    _check_place(volume)
    return volume


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _check_header(image: Any, path: Path) -> None:
    dtype, shape = image.get_data_dtype(), image.shape
    if dtype.names is not None:
        raise TemplateError(f"{path}: holds colours (RGB), not intensities; convert it to one value a voxel.")
    if dtype.kind == "c":
        raise TemplateError(f"{path}: holds complex numbers; give the magnitude.")
    if len(shape) < 3 or any(count > 1 for count in shape[3:]):
        words = " x ".join(str(count) for count in shape)
        what = "a series of volumes" if len(shape) > 3 else "a single slice"
        raise TemplateError(f"{path}: is {what} ({words}); give one three-dimensional volume.")
    if min(shape[:3]) < LEAST_SLICES:
        raise TemplateError(
            f"{path}: has {min(shape[:3])} slices in one direction; at least {LEAST_SLICES} are needed."
        )
    header = image.header
    if "sform_code" in header and int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        raise TemplateError(
            f"{path}: its header does not say where its voxels lie (sform and qform codes are 0), so left and right "
            "are unknown; write the orientation into it with the program that made it."
        )


def _check_values(data: Array, path: Path) -> None:
    broken = int(np.count_nonzero(~np.isfinite(data)))
    if broken:
        raise TemplateError(f"{path}: {broken} voxels are NaN or infinite; fill them with the background value.")
    low, high = float(data.min()), float(data.max())
    if low == high:
        what = "is empty: every voxel is 0" if low == 0 else f"is constant: every voxel is {low:g}"
        raise TemplateError(f"{path}: {what}.")


def _check_place(volume: Volume) -> None:
    if not np.isfinite(volume.affine).all() or abs(np.linalg.det(volume.affine[:3, :3])) < 1e-12:
        raise TemplateError(f"{volume.path}: its affine is singular: it does not place the voxels in space.")
    extent = volume.spacing * volume.data.shape
    if extent.min() < EXTENT_MM[0] / 2 or extent.max() > EXTENT_MM[1]:
        words = " x ".join(f"{length:.4g}" for length in extent)
        raise TemplateError(
            f"{volume.path}: measures {words} mm, which is no head; is the voxel size given in millimetres?"
        )


def resample(
    volume: Volume, lattice: Lattice, pose: npt.NDArray[np.float64] | None = None, outside: float = 0
) -> Array:
    """Read a volume on a lattice by trilinear interpolation.

    Voxels finer than the lattice are averaged beforehand; the affine may be rotated or sheared in any way.

    Parameters
    ----------
    volume
        What to read.
    lattice
        Where.
    pose
        4 x 4, from the lattice's RAS mm (x, y, z) to those of the file; none: they are the same.
    outside
        Value beyond the volume.
    """
    data = volume.data
    width = [max(0.0, (lattice.spacing / step) ** 2 - 1) ** 0.5 / 2.355 for step in volume.spacing]
    if max(width) > 0.3:
        data = ndimage.gaussian_filter(data, width)
    matrix = np.linalg.inv(volume.affine) @ (np.eye(4) if pose is None else pose)
    # From lattice indices (z, y, x) to indices of the file.
    step = np.zeros((4, 4))
    for axis, (row, start) in enumerate(zip((2, 1, 0), lattice.origin, strict=True)):
        step[row, axis], step[row, 3] = lattice.spacing, start
    step[3, 3] = 1
    whole = matrix @ step
    return np.asarray(
        ndimage.affine_transform(
            data, whole[:3, :3], whole[:3, 3], lattice.shape, order=1, mode="constant", cval=outside, prefilter=False
        ),
        np.float32,
    )


def bounding_lattice(volume: Volume, spacing: float) -> Lattice:
    """Return the lattice, along RAS axes, that holds the whole volume."""
    corners = np.array(np.meshgrid(*[(0, count - 1) for count in volume.data.shape], indexing="ij")).reshape(3, -1)
    world = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]
    low, high = world.min(1)[::-1], world.max(1)[::-1]
    shape = [int(np.floor(extent / spacing)) + 1 for extent in high - low]
    return Lattice((shape[0], shape[1], shape[2]), (float(low[0]), float(low[1]), float(low[2])), spacing)


def cormack_to_hu(values: Array) -> Array:
    """Turn Cormack units into Hounsfield units (Rorden and others, 2012): soft tissue is stretched elevenfold there."""
    return np.where(
        values <= CORMACK_LOW,
        values - 1024,
        np.where(values <= CORMACK_HIGH, (values - CORMACK_LOW) / 11 - 124, values - 3024),
    ).astype(np.float32)
