"""Subjects: anatomical variations of a template, drawn as numbers and applied as a map of points.

A subject maps a point of scanner space to the point of template space whose tissue it shows::

    u = A p + b            rotation and scaling about the middle of the head, and a shift
    q = u + D(u)           smooth displacement, and widening of the ventricles

D lives on a coarse lattice (4 mm). It is a cubic B-spline of control points 32 mm apart, whose values are limited
so that the map does not fold: the largest slope is below 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from xaigt.anatomy.fields import Fields
from xaigt.anatomy.lattices import Axes, MappedLattice
from xaigt.compiled.fields import map_points
from xaigt.compiled.points import displace, undisplace
from xaigt.distributions import Normal, Number, Uniform, draw
from xaigt.randomness import subseed, white_noise
from xaigt.sampling import Sampler, Shift, flat, place_in_voxels
from xaigt.schema import Strict
from xaigt.splines import control_shape, expand
from xaigt.volume import Grid, rotation_matrix

CONTROL_MM = 32.0
_STEPS, _CLOSE_MM = 40, 1e-5  # of the inversion: what provenance keeps is rounded to 1e-4 mm
LIMIT_SD = 2.0  # control values are clipped here; with 3 mm the largest slope stays below 0.4


class SubjectRecipe(Strict):
    """How subjects of a benchmark vary; the part ``subject`` of a recipe."""

    rotation_deg: Number = Normal(normal=(0, 4), clip=(-10, 10))
    scale: Number = Normal(normal=(1, 0.03), clip=(0.92, 1.08))
    axis_scale: Number = Normal(normal=(1, 0.015), clip=(0.96, 1.04))
    shift_mm: Number = Normal(normal=(0, 3), clip=(-8, 8))
    displacement_mm: Annotated[Number, Field(description="SD of the smooth displacement, at most 4")] = Uniform(
        uniform=(1.0, 3.0)
    )
    ventricles_mm: Annotated[Number, Field(description="outward shift of the ventricle walls")] = Uniform(
        uniform=(-0.5, 3.0)
    )
    grey_hu: Number = Uniform(uniform=(36.5, 40.0))
    white_hu: Number = Uniform(uniform=(28.0, 30.0))
    csf_hu: Number = Uniform(uniform=(5.0, 10.0))
    bone: Number = Normal(normal=(1, 0.05), clip=(0.85, 1.15))
    levels: Annotated[
        Literal["drawn", "template"],
        Field(description="CT: tissues get the drawn HU, or keep the values they have in the template's own image"),
    ] = "drawn"


class Subject(Strict):
    """The drawn numbers of one subject: what provenance keeps."""

    rotation_deg: tuple[float, float, float]
    scale: tuple[float, float, float]
    shift_mm: tuple[float, float, float]
    displacement_mm: float
    displacement_seed: int
    ventricles_mm: float
    grey_hu: float
    white_hu: float
    csf_hu: float
    bone: float


def draw_subject(
    rng: np.random.Generator, recipe: SubjectRecipe, levels: tuple[float, float, float] | None = None
) -> Subject:
    """Draw one subject.

    Parameters
    ----------
    rng
        The stream of subjects.
    recipe
        How they vary.
    levels
        Values of grey matter, white matter and fluid to use in place of the drawn HU: those of the template's own
        image.
    """
    whole = draw(rng, recipe.scale)
    drawn = Subject(
        rotation_deg=_three(rng, recipe.rotation_deg),
        scale=tuple(round(whole * axis, 4) for axis in _three(rng, recipe.axis_scale)),  # type: ignore[arg-type]
        shift_mm=_three(rng, recipe.shift_mm),
        displacement_mm=min(draw(rng, recipe.displacement_mm), 4.0),
        displacement_seed=subseed(rng),
        ventricles_mm=draw(rng, recipe.ventricles_mm),
        grey_hu=draw(rng, recipe.grey_hu),
        white_hu=draw(rng, recipe.white_hu),
        csf_hu=draw(rng, recipe.csf_hu),
        bone=draw(rng, recipe.bone),
    )
    if levels is None:
        return drawn
    return drawn.model_copy(update={"grey_hu": levels[0], "white_hu": levels[1], "csf_hu": levels[2]})


def _three(rng: np.random.Generator, distribution: Number) -> tuple[float, float, float]:
    return draw(rng, distribution), draw(rng, distribution), draw(rng, distribution)


@dataclass(frozen=True)
class SubjectMap:
    """The map from scanner space to template space of one subject, on one device."""

    subject: Subject
    fields: Fields
    device: torch.device
    _grids: dict[Grid, MappedLattice] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _linear(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Matrix and shift (order x, y, z) of ``u = A p + b``."""
        matrix = (1 / np.array(self.subject.scale))[:, None] * rotation_matrix(self.subject.rotation_deg)
        centre = np.asarray(self.fields.centre)
        return matrix, centre - matrix @ (centre + np.asarray(self.subject.shift_mm))

    @cached_property
    def _affine(self) -> npt.NDArray[np.float32]:
        """Matrix ``[3, 4]`` of ``u``, its last column the shift, in the order z, y, x."""
        return self._exact.astype(np.float32)

    @cached_property
    def _columns(self) -> tuple[torch.Tensor, ...]:
        """Columns ``[3, 1]`` of that matrix."""
        return tuple(torch.from_numpy(column.copy())[:, None].to(self.device) for column in self._affine.T)

    @cached_property
    def _field(self) -> npt.NDArray[np.float32]:
        """D in mm, ``[3, z, y, x]``."""
        lattice, subject = self.fields.push_lattice, self.subject
        return smooth_displacement(
            subject.displacement_seed, -subject.displacement_mm, lattice.shape, lattice.spacing, self.fields.push,
            subject.ventricles_mm,
        )  # fmt: skip

    @cached_property
    def _places(self) -> tuple[np.float32, Shift]:
        return place_in_voxels(self.fields.push_lattice.origin, self.fields.push_lattice.spacing)

    @cached_property
    def _displacement(self) -> Sampler:
        lattice = self.fields.push_lattice
        return Sampler(self._field, lattice.origin, lattice.spacing, self.device)

    def to_template(self, points: torch.Tensor) -> torch.Tensor:
        """Map points ``[..., 3]`` (z, y, x; mm in scanner space) to template space."""
        if self.device.type == "cpu":
            places, (scale, shifts) = flat(points), self._places
            found = np.empty_like(places)
            map_points(self._affine, self._field, shifts, scale, places, found)
            return torch.from_numpy(found.T.reshape(points.shape))
        axes = points.movedim(-1, 0)
        # Written out rather than as a matrix product: the same bits for any number of points.
        z, y, x = axes.reshape(3, axes[0].numel())
        along_z, along_y, along_x, shift = self._columns
        linear = (along_x * x + along_y * y) + (along_z * z + shift)
        return linear.add_(self._displacement.along(linear)).reshape(axes.shape).movedim(0, -1)

    @cached_property
    def _exact(self) -> npt.NDArray[np.float64]:
        """Matrix ``[3, 4]`` of ``u`` in double precision."""
        return _reversed(*self._linear)

    def locate(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Map points ``[..., 3]`` as :meth:`to_template` does, but for rounding, and faster where they are few."""
        lattice, found = self.fields.push_lattice, np.empty((points.size // 3, 3))
        at = np.array(points, np.float64, order="C").reshape(-1, 3)
        displace(self._exact, self._field, lattice.origin, lattice.spacing, at, found)
        return found.reshape(points.shape)

    def on_lattice(self, axes: Axes) -> MappedLattice:
        """Map a rectangular lattice of scanner space, given by its coordinates along z, y and x in mm."""
        return MappedLattice(self.to_template, axes, self.device)

    def on_grid(self, grid: Grid) -> MappedLattice:
        """Map the voxel centres of a grid; kept until another grid is asked for."""
        if grid not in self._grids:
            self._grids.clear()
            self._grids[grid] = self.on_lattice(grid.axes())
        return self._grids[grid]

    def to_scanner(self, point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Point (z, y, x; mm) of scanner space that shows a given point of template space.

        Fixed-point iteration; D contracts, so its steps shrink at least as fast as 0.6 to the n.
        """
        lattice, found = self.fields.push_lattice, np.empty(3)
        undisplace(self._inverse, self._field, lattice.origin, lattice.spacing, point, _STEPS, _CLOSE_MM, found)
        z, y, x = found.tolist()
        return z, y, x

    @cached_property
    def _inverse(self) -> npt.NDArray[np.float64]:
        """Inverse of the matrix of ``u``, and its shift: ``[3, 4]``, in the order z, y, x."""
        matrix, shift = self._linear
        return _reversed(np.linalg.inv(matrix), shift)


def _reversed(matrix: npt.NDArray[Any], shift: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Matrix and shift (order x, y, z) as ``[3, 4]`` in the order z, y, x."""
    result = np.empty((3, 4))
    result[:, :3], result[:, 3] = matrix[::-1, ::-1], shift[::-1]
    return result


def smooth_displacement(
    seed: int, sd: float, shape: tuple[int, int, int], spacing: float,
    onto: npt.NDArray[np.float32] | None = None, times: float = 0.0,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Random smooth displacement ``[3, z, y, x]`` in mm: a cubic B-spline of limited normal control values.

    Parameters
    ----------
    seed
        As recorded.
    sd
        Standard deviation of the control values in mm, before they are clipped at 2 SD; below 0, their sign turns.
    shape, spacing
        The lattice it is computed on.
    onto, times
        Another displacement on it, which is multiplied by a number and added.
    """
    step = spacing / CONTROL_MM
    control = white_noise(seed, (3, *control_shape(shape, step)))
    values = control.clip(-LIMIT_SD, LIMIT_SD) * np.float32(sd)
    return expand(values, shape, step, onto, float(np.float32(times)))
