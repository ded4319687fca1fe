"""Rendering: from the plan of a sample to its arrays. Deterministic; no decision is made here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.cards import load_card
from xaigt.anatomy.fields import CHANNELS, Fields, load_fields
from xaigt.anatomy.subjects import Subject
from xaigt.anatomy.world import Anatomy
from xaigt.dataset.layout import ALTERED, COMPARTMENTS
from xaigt.lesions import Lesion, family
from xaigt.synthesis.acquisition import correlated_noise
from xaigt.synthesis.plan import Plan
from xaigt.volume import Grid

HU_RANGE = (-1024, 3071)  # what a 12-bit CT scanner stores
MR_RANGE = (0, 32767)  # magnitudes; white matter is 1000
SUBSTEP_MM = 1.25  # lesions are evaluated at points this close, and averaged over the voxel
OEDEMA_VISIBLE = 0.05  # share of full oedema from which an altered voxel counts as oedema
FLUID = 0.35  # share of fluid from which a voxel belongs to sulci and cisterns
EXTRA_AXIAL_MM = 30.0  # no layer under the inner table is thicker
SLAB = 1 << 15  # points that are mapped together
GREY_SHARE = 0.6  # oedema spreads along white matter; grey matter takes less of it

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Rendered:
    """Arrays of one sample (see :mod:`xaigt.dataset.layout`) and what was measured of each planted lesion."""

    arrays: Arrays
    lesions: list[dict[str, Any]]


def render(plan: Plan, grid: Grid, epsilon: float, device: torch.device) -> Rendered:
    """Compute the arrays of one sample.

    Parameters
    ----------
    plan
        Every decision.
    grid
        The voxels; for a 2-D sample its height is taken from the plan.
    epsilon
        A voxel is altered if image and twin differ by more.
    device
        Where to compute.
    """
    if plan.slice_mm is not None:
        grid = grid.at(plan.slice_mm)
    anatomy = Anatomy.of(load_fields(plan.template), plan.subject, device)
    healthy, read = _healthy(plan, grid, anatomy, load_fields(plan.template, grid.voxel))
    canvas = _Canvas(healthy, read, grid, anatomy)
    planted = [item for item in plan.lesions if item.planted]
    for instance, item in enumerate(planted, start=1):
        canvas.plant(instance, item.lesion)
    noise = correlated_noise(plan.acquisition, grid).to(device)
    limits = HU_RANGE if load_card(plan.template).modality == "CT" else MR_RANGE
    image, twin = _quantise(canvas.image + noise, limits), _quantise(healthy + noise, limits)
    arrays = _arrays(image, twin, canvas, read, epsilon)
    measured = [
        {"role": item.role, **_measure(arrays, instance, item.lesion, grid)}
        for instance, item in enumerate(planted, start=1)
    ]
    if plan.slice_mm is not None:
        arrays = {name: array[0] for name, array in arrays.items()}
    return Rendered(arrays, measured)


def _healthy(plan: Plan, grid: Grid, anatomy: Anatomy, fields: Fields) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Noise-free image of the subject without lesions, and the fields it was read from."""
    sampler, lattice = fields.sampler(anatomy.device), anatomy.map.on_lattice(grid.axes())
    values = torch.empty(len(CHANNELS), *grid.shape, device=anatomy.device)
    planes = max(1, SLAB // (grid.shape[1] * grid.shape[2]))  # what is read together stays in the processor's cache
    for start in range(0, grid.shape[0], planes):
        part = slice(start, start + planes)
        values[:, part] = sampler(lattice.points(part))
    read = dict(zip(CHANNELS, values, strict=True))
    subject = plan.subject
    brain = subject.grey_hu * read["grey"] + subject.white_hu * read["white"] + subject.csf_hu * read["csf"]
    return brain + subject.bone * read["bone"] + read["soft"], read


def _soft_tissue(read: dict[str, torch.Tensor], subject: Subject) -> torch.Tensor:
    """Mean value of the brain and fluid in each voxel, without the bone that shares it."""
    share = read["grey"] + read["white"] + read["csf"]
    brain = subject.grey_hu * read["grey"] + subject.white_hu * read["white"] + subject.csf_hu * read["csf"]
    return torch.where(share > 0.05, brain / share.clamp(min=0.05), subject.white_hu)


class _Canvas:
    """The image while lesions are planted into it, and the masks that grow with it."""

    def __init__(self, healthy: torch.Tensor, read: dict[str, torch.Tensor], grid: Grid, anatomy: Anatomy) -> None:
        self.image = healthy.clone()
        self.core = torch.zeros_like(healthy)
        self.oedema = torch.zeros_like(healthy)
        self.instance = torch.zeros(healthy.shape, dtype=torch.uint8, device=healthy.device)
        self._read, self._grid, self._anatomy = read, grid, anatomy
        self._tissue = _soft_tissue(read, anatomy.map.subject)

    def plant(self, instance: int, lesion: Lesion) -> None:
        """Blend one lesion into the image inside its box; where two meet, the fuller one owns the voxel."""
        kind = family(lesion.family)
        box = _box(self._grid, lesion.centre_mm, kind.reach(lesion))
        if box is None:
            return
        points, shape, parts, softness = _subpoints(self._grid, box, self._anatomy.device)
        print_ = kind.footprint(lesion, self._anatomy, points, softness)

        def mean(values: torch.Tensor) -> torch.Tensor:
            (nz, ny, nx), (sz, sy, sx) = shape, parts
            return values.reshape(nz, sz, ny, sy, nx, sx).mean((1, 3, 5))

        core, oedema = mean(print_.core), mean(print_.oedema)
        matter = self._read["white"][box] + GREY_SHARE * self._read["grey"][box]
        # A lesion replaces the soft tissue of a voxel, not the share of bone beside it; and not an earlier lesion.
        room = 1 - self.core[box]
        replaced = mean(print_.core * print_.level) - core * self._tissue[box]
        self.image[box] += room * (oedema * matter * print_.shift + replaced)
        owns = (core >= 0.5) & (core > self.core[box])
        self.instance[box] = torch.where(owns, torch.full_like(self.instance[box], instance), self.instance[box])
        self.core[box] = torch.maximum(self.core[box], core)
        self.oedema[box] = torch.maximum(self.oedema[box], oedema)


def _box(grid: Grid, centre: tuple[float, float, float], reach: float) -> tuple[slice, slice, slice] | None:
    """Part of the grid within `reach` of `centre`, or None if they do not meet."""
    slices = []
    for axis, middle, voxel in zip(grid.axes(), centre, grid.voxel, strict=True):
        near = np.flatnonzero(np.abs(axis - middle) <= reach + voxel / 2)
        if near.size == 0:
            return None
        slices.append(slice(int(near[0]), int(near[-1]) + 1))
    return slices[0], slices[1], slices[2]


def _subpoints(
    grid: Grid, box: tuple[slice, slice, slice], device: torch.device
) -> tuple[torch.Tensor, tuple[int, ...], tuple[int, ...], float]:
    """Points inside the voxels of a box, the box's shape, the points a voxel along each axis, their spacing."""
    axes, parts = [], []
    for axis, part, extent in zip(grid.axes(), box, grid.voxel, strict=True):
        count = math.ceil(extent / SUBSTEP_MM)
        offsets = ((np.arange(count) + 0.5) / count - 0.5) * extent
        positions = (axis[part][:, None] + offsets).ravel()
        axes.append(torch.from_numpy(positions.astype(np.float32)).to(device))
        parts.append(count)
    shape = tuple(part.stop - part.start for part in box)
    softness = max(extent / count for extent, count in zip(grid.voxel, parts, strict=True))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1), shape, tuple(parts), softness


def _quantise(image: torch.Tensor, limits: tuple[int, int]) -> npt.NDArray[np.int16]:
    clipped = torch.clamp(torch.round(image), *limits)
    return np.asarray(clipped.to(torch.int16).cpu().numpy())


def _arrays(
    image: npt.NDArray[np.int16],
    twin: npt.NDArray[np.int16],
    canvas: _Canvas,
    read: dict[str, torch.Tensor],
    epsilon: float,
) -> Arrays:
    instance = canvas.instance.cpu().numpy()
    changed = np.abs(image.astype(np.int32) - twin) > epsilon
    in_lesion = changed & (instance > 0)
    in_oedema = changed & (canvas.oedema.cpu().numpy() > OEDEMA_VISIBLE) & ~in_lesion
    altered = in_lesion * ALTERED["lesion"] + in_oedema * ALTERED["oedema"]
    altered = altered + (changed & ~in_lesion & ~in_oedema) * ALTERED["blur"]
    inside = (read["depth"] > 0).cpu().numpy()
    parenchyma = (read["parenchyma"] > 0).cpu().numpy()
    ventricles = (read["ventricles"] > 0).cpu().numpy()
    cisterns = inside & ~ventricles & (read["csf"] > FLUID).cpu().numpy()
    extra_axial = inside & (read["depth"] < EXTRA_AXIAL_MM).cpu().numpy()
    compartment = (
        parenchyma * COMPARTMENTS["parenchyma"]
        + (ventricles & inside) * COMPARTMENTS["ventricles"]
        + cisterns * COMPARTMENTS["cisterns"]
        + extra_axial * COMPARTMENTS["extra-axial"]
    )
    return {
        "image": image,
        "twin": twin,
        "lesion": instance,
        "altered": altered.astype(np.uint8),
        "support": inside.astype(np.uint8),
        "compartment": compartment.astype(np.uint8),
    }


def _measure(arrays: Arrays, instance: int, lesion: Lesion, grid: Grid) -> dict[str, Any]:
    """One row of lesions.parquet, less what the dataset adds."""
    mask = arrays["lesion"] == instance
    voxels = int(mask.sum())
    where = np.argwhere(mask)
    extent = (where.max(0) - where.min(0) + 1) * np.asarray(grid.spacing) if voxels else np.zeros(3)
    image, twin = arrays["image"][mask], arrays["twin"][mask]
    return {
        "instance": instance,
        "family": lesion.family,
        "centre_z_mm": lesion.centre_mm[0],
        "centre_y_mm": lesion.centre_mm[1],
        "centre_x_mm": lesion.centre_mm[2],
        "volume_mm3": lesion.volume_mm3,
        "voxels": voxels,
        "area_mm2": round(voxels * grid.spacing[1] * grid.spacing[2], 4) if grid.shape[0] == 1 else None,
        "extent_z_mm": round(float(extent[0]), 4),
        "extent_y_mm": round(float(extent[1]), 4),
        "extent_x_mm": round(float(extent[2]), 4),
        "mean": round(float(image.mean()), 4) if voxels else None,
        "contrast": round(float(image.mean() - twin.mean()), 4) if voxels else None,
        "parameters": lesion.model_dump_json(),
    }
