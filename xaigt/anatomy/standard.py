"""The embedded MNI152 brain as a yardstick: tissue priors, ventricles, and the pose of any other brain beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import least_squares

from xaigt.anatomy.cards import load_card
from xaigt.anatomy.compartments import ventricle_mask
from xaigt.anatomy.geometry import Array, Lattice, Mask, signed_distance, surface_points
from xaigt.anatomy.tissue import TissueMaps, filled_brain
from xaigt.volume import read_nifti, rotation_matrix

REFERENCE = "mni152-ct"
SURFACE_POINTS = 1500
UPRIGHT = 0.3  # weight, mm a degree, of rotation
SAME_SCALE = 150  # surface points that a difference of 1 % between scales outweighs by 1 mm: height is told badly
GOOD_FIT_MM = 2.0
PITCHES = (-20.0, 20.0)  # degrees that a fit is started from, too, if it is not as good: chin up, chin down
MOST_PERCENT = 25.0  # that a fit is started from: a mask that leaks, or is cut off, says little of the size
VAULT_MM, BASE_WEIGHT = 95.0, 0.15  # from the top; the weight of surface below
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """How a brain lies in the head frame, whose axes and origin are those of MNI space (still in real mm).

    Parameters
    ----------
    to_file
        4 x 4, from the head frame (x, y, z) to RAS mm of the file: a rotation and a shift.
    scale
        (x, y, z): a position times this is the corresponding position in the larger MNI152 brain.
    error_mm
        Mean distance of the brain's surface to that of the MNI152 brain after scaling.
    """

    to_file: Matrix
    scale: tuple[float, float, float]
    error_mm: float


@lru_cache(maxsize=1)
def standard_maps() -> TissueMaps:
    """Grey and white matter and brain of the MNI152 average, on its own lattice."""
    card = load_card(REFERENCE)
    t1, affine = read_nifti(card.file("t1"))
    grey, white = (read_nifti(card.file(role))[0] / np.float32(255) for role in ("grey", "white"))
    lattice = Lattice(
        (t1.shape[0], t1.shape[1], t1.shape[2]), (float(affine[2, 3]), float(affine[1, 3]), float(affine[0, 3]))
    )
    return TissueMaps(lattice, grey, white, filled_brain(t1 / np.float32(255)))


@lru_cache(maxsize=1)
def _distances() -> dict[str, Array]:
    maps = standard_maps()
    csf = np.where(maps.brain, np.clip(1 - maps.grey - maps.white, 0, 1), 0).astype(np.float32)
    blurred = {
        name: ndimage.gaussian_filter(values, 2.0)
        for name, values in (("csf", csf), ("grey", maps.grey), ("white", maps.white))
    }
    ventricles = ventricle_mask(maps, csf)
    return {**blurred, "brain": signed_distance(maps.brain), "ventricles": signed_distance(ventricles)}


def read_standard(name: str, lattice: Lattice, scale: tuple[float, float, float]) -> Array:
    """Read a map of the MNI152 brain on a lattice of the head frame.

    Parameters
    ----------
    name
        csf, grey, white: blurred priors; brain, ventricles: signed distances in mm.
    lattice
        Where.
    scale
        Of the pose, order x, y, z.
    """
    home = standard_maps().lattice
    factor = np.array(scale[::-1])
    offset = (np.array(lattice.origin) * factor - np.array(home.origin)) / home.spacing
    return np.asarray(
        ndimage.affine_transform(
            _distances()[name], factor * lattice.spacing / home.spacing, offset, lattice.shape, order=1, mode="nearest"
        ),
        np.float32,
    )


def fit_pose(brain: Mask, lattice: Lattice, margin_mm: float = 0.0) -> Pose:
    """Lay a brain mask beside the MNI152 brain: rotation, shift and three scales, by least squares on the surface.

    Parameters
    ----------
    brain
        Filled mask of the brain.
    lattice
        Its lattice, in RAS mm of the file.
    margin_mm
        How far the mask's surface lies outside the brain's: the inside of a skull is wider than a brain.
    """
    points = surface_points(brain, lattice, step=2)
    points = points[:: max(1, len(points) // SURFACE_POINTS)][:, ::-1]  # (x, y, z)
    home = standard_maps().lattice
    inset = lattice.spacing  # border voxels of every other voxel lie, on average, one voxel inside the border
    # The vault tells the pose: below it masks end, and leak, where they happen to.
    sure = np.where(points[:, 2] > np.quantile(points[:, 2], 0.995) - VAULT_MM, 1.0, BASE_WEIGHT)
    centre = np.average(points, axis=0, weights=sure)
    standard = surface_points(standard_maps().brain, home, step=2)[:, ::-1]
    vault = standard[:, 2] > np.quantile(standard[:, 2], 0.995) - VAULT_MM
    target = np.average(standard, axis=0, weights=np.where(vault, 1.0, BASE_WEIGHT))
    distance = _distances()["brain"]
    # From the scale that makes the volumes equal: from 1, small brains end in a worse minimum.
    size = 100 / 3 * np.log(float(standard_maps().brain.sum()) * home.spacing**3 / (brain.sum() * lattice.spacing**3))
    scale_start = float(np.clip(size, -MOST_PERCENT, MOST_PERCENT))

    def mapped(parameters: Matrix) -> Matrix:
        rotated = (points - centre) @ rotation_matrix(tuple(parameters[:3])).T
        return np.asarray(rotated * np.exp(parameters[6:] / 100) + parameters[3:6])

    def residuals(parameters: Matrix) -> Matrix:
        place = mapped(parameters)
        index = ((place[:, ::-1] - np.array(home.origin)) / home.spacing).T
        values = ndimage.map_coordinates(distance, index, order=1, mode="nearest")
        beyond = np.maximum(0, np.maximum(-index, index - np.array(distance.shape)[:, None] + 1)).sum(0)
        values = sure * (values - beyond - inset + margin_mm)
        return np.concatenate(
            [values, UPRIGHT * parameters[:3], np.repeat(parameters[6:] - parameters[6:].mean(), SAME_SCALE)]
        )

    def fit(pitch: float) -> Any:
        start = np.array([pitch, 0, 0, *target, scale_start, scale_start, scale_start], float)
        return least_squares(residuals, start, loss="soft_l1", f_scale=4.0, x_scale=[5.0] * 9)

    def apart(result: Any) -> float:
        return float(np.abs(residuals(result.x)[: len(points)]).sum() / sure.sum())

    found = fit(0.0)
    if apart(found) > GOOD_FIT_MM:
        found = min((found, *map(fit, PITCHES)), key=lambda result: float(result.cost))
    rotation, shift = rotation_matrix(tuple(found.x[:3])), found.x[3:6]
    scale = np.exp(found.x[6:] / 100)
    # mapped = scale * (R (p - centre) + shift / scale): the head frame is what is in the bracket.
    to_head = np.eye(4)
    to_head[:3, :3] = rotation
    to_head[:3, 3] = shift / scale - rotation @ centre
    return Pose(
        np.asarray(np.linalg.inv(to_head), np.float64),
        (float(scale[0]), float(scale[1]), float(scale[2])),
        apart(found),
    )


IN_STANDARD_SPACE = Pose(np.eye(4), (1.0, 1.0, 1.0), 0.0)
