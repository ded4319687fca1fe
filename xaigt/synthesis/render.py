"""Rendering: from the plan of a sample to its arrays. Deterministic; no decision is made here."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.fields import CHANNELS, Fields, load_fields
from xaigt.anatomy.subjects import Subject
from xaigt.anatomy.world import Anatomy
from xaigt.lesions import Lesion, family
from xaigt.synthesis.acquisition import correlated_noise, quadrature_noise
from xaigt.synthesis.beam import beam_hardening
from xaigt.synthesis.cover import cover
from xaigt.synthesis.effects import apply
from xaigt.synthesis.mass import displaced
from xaigt.synthesis.measure import Ruler, described
from xaigt.synthesis.placing import PlannedLesion
from xaigt.synthesis.plan import Plan
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.stored import altered, compartments, quantised
from xaigt.synthesis.tasks import SWAPPING
from xaigt.volume import Grid

HU_RANGE = (-1024, 3071)  # what a 12-bit CT scanner stores
MR_RANGE = (0, 32767)  # magnitudes; white matter is 1000
SLAB = 1 << 15  # points that are mapped together
GREY_SHARE = 0.6  # oedema spreads along white matter; grey matter takes less of it

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Rendered:
    """Arrays of one sample (see :mod:`xaigt.dataset.layout`) and what was measured of each planted lesion.

    `change` is image minus twin before both are rounded, where that is known and was asked for.
    """

    arrays: Arrays
    lesions: list[dict[str, Any]]
    change: npt.NDArray[np.float32] | None = None


def render(plan: Plan, grid: Grid, recipe: Recipe, device: torch.device, *, exact: bool = False) -> Rendered:
    """Compute the arrays of one sample.

    Parameters
    ----------
    plan
        Every decision.
    grid
        The voxels; for a 2-D sample its height is taken from the plan.
    recipe
        What it says of the image as a whole: task, epsilon, visibility.
    device
        Where to compute.
    exact
        Whether to return `change`.
    """
    if plan.slice_mm is not None:
        grid = grid.at(plan.slice_mm)
    template = load_fields(plan.template)
    anatomy, fields = Anatomy.of(template, plan.subject, device), template.averaged(grid.voxel)
    healthy, read = _healthy(plan, grid, anatomy, fields)
    ground = _Canvas(healthy, read, grid, anatomy, plan)
    others = [item for item in plan.lesions if item.role != "lesion" and item.planted]
    lesions = [item for item in plan.lesions if item.role == "lesion" and item.planted]
    swapped = [item for item in plan.lesions if item.role == "lesion" and item.swapped]
    for instance, item in enumerate(others, start=1):
        ground.plant(instance, item.lesion)

    def pushed(pushing: list[PlannedLesion]) -> _Canvas:
        """Return the ground, displaced by lesions: without truth, for lesions to be planted on."""
        if not plan.mass_effect or not pushing:
            return ground.copy()
        moved = _Canvas(*_healthy(plan, grid, anatomy, fields, [item.lesion for item in pushing]), grid, anatomy, plan)
        for number, other in enumerate(others, start=1):
            moved.plant(number, other.lesion)
        return moved.copy()

    # Sham: a lesion that the class leaves out displaces tissue all the same.
    sham = recipe.mass_effect is not None and recipe.mass_effect.sham
    unplanted = [item for item in plan.lesions if item.role == "lesion" and not item.planted and not item.swapped]
    canvas = pushed(lesions + unplanted * sham)
    undisturbed = canvas.image.clone() if lesions else canvas.image
    effects = _effects(plan, grid, anatomy, ground.image, read["depth"])
    for instance, item in enumerate(lesions, start=1):
        canvas.plant(instance, item.lesion)
    noise = correlated_noise(plan.acquisition, grid).to(device)
    for delta, _ in effects:
        noise += delta
    if (hardening := beam_hardening(plan.acquisition, grid, anatomy, read["depth"])) is not None:
        noise += hardening
    quadrature = quadrature_noise(plan.acquisition, grid)
    second = None if quadrature is None else quadrature.to(device)
    limits = HU_RANGE if recipe.modality == "CT" else MR_RANGE

    def seen(image: torch.Tensor) -> npt.NDArray[np.int16]:
        return quantised(image, noise, second, limits)

    image, twin = seen(canvas.image), seen(ground.image)
    other = _other(ground, effects, len(others))
    ruler, minimum = Ruler(grid, anatomy, plan.acquisition.noise_hu), recipe.visibility.minimum_cnr
    truth = canvas.instance.cpu().numpy()
    mixed = [getattr(item.lesion, "stage", None) == "mixed" for item in lesions]
    rows = []
    measured = ruler.of_each(truth, len(lesions), image, twin, minimum, mixed)
    for instance, (item, found) in enumerate(zip(lesions, measured, strict=True), start=1):
        if not found["visible"] and recipe.visibility.invisible == "exclude":
            truth = np.where(truth == instance, np.uint8(0), truth)
        rows.append(_row(item, instance) | found)
    bare = seen(healthy) if other.any() else twin
    measured = ruler.of_each(other, len(others), twin, bare, minimum)
    rows += [_row(item, number) | found for number, (item, found) in enumerate(zip(others, measured, strict=True), 1)]
    for instance, (effect, (delta, _)) in enumerate(zip(plan.effects, effects, strict=True), start=len(others) + 1):
        found = ruler.measure(other == instance, twin, twin - delta.cpu().numpy(), minimum)
        row = {"role": effect.role, "group": effect.kind, "instance": instance}
        rows.append(row | described(effect) | found)
    arrays = {
        "image": image,
        "twin": twin,
        "lesion": truth,
        "altered": altered(
            image, twin, truth, canvas.oedema, (ground.image, undisturbed, canvas.image), recipe.epsilon
        ),
        "support": (read["depth"].cpu().numpy() > 0).view(np.uint8),
        "compartment": compartments(read),
        "other": other,
    }
    if recipe.task in SWAPPING:
        exchanged = pushed(swapped + unplanted * sham)
        for instance, item in enumerate(swapped, start=1):
            exchanged.plant(instance, item.lesion)
        arrays |= {"swapped": seen(exchanged.image), "swapped_lesion": exchanged.instance.cpu().numpy()}
    flat = plan.slice_mm is not None
    if flat:
        arrays = {name: array[0] for name, array in arrays.items()}
    change = (canvas.image - ground.image).cpu().numpy() if exact else None
    return Rendered(arrays, rows, change[0] if flat and change is not None else change)


def _row(item: PlannedLesion, instance: int) -> dict[str, Any]:
    """What is known of a lesion before its voxels are looked at."""
    return {"role": item.role, "group": item.group, "instance": instance} | described(item.lesion)


def _effects(
    plan: Plan, grid: Grid, anatomy: Anatomy, image: torch.Tensor, depth: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What each effect adds to every image of the sample, and its mask."""
    if not plan.effects:
        return []
    _, y, _ = grid.centre[::-1]
    middle = anatomy.to_scanner((grid.centre[2], y, 0.0))[2]
    return [apply(effect, grid, image, depth > 0, middle) for effect in plan.effects]


def _other(ground: _Canvas, effects: list[tuple[torch.Tensor, torch.Tensor]], before: int) -> npt.NDArray[np.uint8]:
    """Numbers of distractors, confounders and suppressors; small ones lie over large ones."""
    other = ground.instance
    if effects:
        masks = sorted(enumerate(effects, start=before + 1), key=lambda item: -int(item[1][1].sum()))
        other = torch.zeros_like(ground.instance)
        for number, (_, mask) in masks:
            other[mask] = number
        other = torch.where(ground.instance > 0, ground.instance, other)
    return np.asarray(other.cpu().numpy())


def _healthy(
    plan: Plan, grid: Grid, anatomy: Anatomy, fields: Fields, pushing: Sequence[Lesion] = ()
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Noise-free image of the subject without lesions, displaced by some, and the fields it was read from."""
    sampler, lattice = fields.sampler(anatomy.device), anatomy.map.on_grid(grid)
    if pushing:
        values = torch.empty(len(CHANNELS), *grid.shape, device=anatomy.device)
        planes = max(1, SLAB // (grid.shape[1] * grid.shape[2]))  # what is read together stays in the processor's cache
        for start in range(0, grid.shape[0], planes):
            part = slice(start, min(start + planes, grid.shape[0]))
            points = anatomy.lattice((grid.axes()[0][part], *grid.axes()[1:]))
            values[:, part] = sampler(anatomy.map.to_template(displaced(pushing, plan.mass_effect, anatomy, points)))
    else:  # far from the head there is air: only its surroundings are read
        values = lattice.read(sampler, fields.is_near)
    read = dict(zip(CHANNELS, values, strict=True))
    subject = plan.subject
    image = subject.grey_hu * read["grey"]
    for level, name in ((subject.white_hu, "white"), (subject.csf_hu, "csf"), (subject.bone, "bone"), (1.0, "soft")):
        image.add_(read[name], alpha=level)
    return image, read


def _soft_tissue(read: dict[str, torch.Tensor], subject: Subject) -> torch.Tensor:
    """Mean value of the brain and fluid in each voxel, without the bone that shares it."""
    share = read["grey"] + read["white"] + read["csf"]
    brain = subject.grey_hu * read["grey"] + subject.white_hu * read["white"] + subject.csf_hu * read["csf"]
    return torch.where(share > 0.05, brain / share.clamp(min=0.05), subject.white_hu)


class _Canvas:
    """The image while lesions are planted into it, and the masks that grow with it."""

    def __init__(
        self, healthy: torch.Tensor, read: dict[str, torch.Tensor], grid: Grid, anatomy: Anatomy, plan: Plan
    ) -> None:
        self.image = healthy.clone()
        self.core = torch.zeros_like(healthy)
        self.oedema = torch.zeros_like(healthy)
        self.instance = torch.zeros(healthy.shape, dtype=torch.uint8, device=healthy.device)
        self._read, self._grid, self._anatomy = read, grid, anatomy
        self._contrast = (plan.contrast_to_noise or 0.0) * plan.acquisition.noise_hu

    def copy(self) -> _Canvas:
        """Return a canvas that goes on from this one, with no truth yet; what is planted there is not planted over."""
        other = copy.copy(self)
        other.image, other.core, other.oedema = self.image.clone(), self.core.clone(), torch.zeros_like(self.oedema)
        other.instance = torch.zeros_like(self.instance)
        return other

    def plant(self, instance: int, lesion: Lesion) -> None:
        """Blend one lesion into the image inside its box; where two meet, the fuller one owns the voxel."""
        kind = family(lesion.family)
        found = cover(kind, lesion, self._anatomy, self._grid)
        if found is None:
            return
        box, core, oedema = found.box, found.core, found.oedema
        matter = self._read["white"][box] + GREY_SHARE * self._read["grey"][box]
        # A lesion replaces the soft tissue of a voxel, not the share of bone beside it; and not an earlier lesion.
        change = found.filling if found.additive else found.filling - core * self._tissue(box)
        exact = kind.nominal(lesion, self._anatomy, found.centres)
        own = core >= 0.5 if exact is None else exact
        room = 1 - self.core[box]
        owns = own & (room > 0) & (core > self.core[box])
        gain = self._gain(change, core, own)
        self.image[box] += room * gain * (oedema * matter * found.shift + change)
        self.instance[box] = torch.where(owns, torch.full_like(self.instance[box], instance), self.instance[box])
        self.core[box] = torch.maximum(self.core[box], core)
        self.oedema[box] = torch.maximum(self.oedema[box], oedema)

    def _tissue(self, box: tuple[slice, slice, slice]) -> torch.Tensor:
        read = {name: self._read[name][box] for name in ("grey", "white", "csf")}
        return _soft_tissue(read, self._anatomy.map.subject)

    def _gain(self, change: torch.Tensor, core: torch.Tensor, own: torch.Tensor) -> float:
        """Factor that brings the contrast of a lesion, at full coverage, to what the recipe's dial asks."""
        if not self._contrast or not bool(own.any()):
            return 1.0
        full = float(change[own].double().sum().abs() / core[own].double().sum().clamp(min=1e-6))
        return self._contrast / full if full > 0 else 1.0
