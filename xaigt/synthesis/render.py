"""Rendering: from the plan of a sample to its arrays. Deterministic; no decision is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.anatomy.fields import CHANNELS, Fields, load_fields
from xaigt.anatomy.world import Anatomy
from xaigt.dataset.layout import ALTERED, COMPARTMENTS
from xaigt.lesions import Lesion
from xaigt.shape import box_of
from xaigt.synthesis.acquisition import correlated_noise, quadrature_noise
from xaigt.synthesis.beam import beam_hardening
from xaigt.synthesis.canvas import Canvas
from xaigt.synthesis.effects import apply
from xaigt.synthesis.mass import displaced
from xaigt.synthesis.measure import Ruler, described
from xaigt.synthesis.placing import PlannedLesion
from xaigt.synthesis.plan import Plan
from xaigt.synthesis.recipe import Recipe
from xaigt.synthesis.tasks import SWAPPING
from xaigt.volume import Grid

HU_RANGE = (-1024, 3071)  # what a 12-bit CT scanner stores
MR_RANGE = (0, 32767)  # magnitudes; white matter is 1000
OEDEMA_VISIBLE = 0.05  # share of full oedema from which an altered voxel counts as oedema
FLUID = 0.35  # share of fluid from which a voxel belongs to sulci and cisterns
EXTRA_AXIAL_MM = 30.0  # no layer under the inner table is thicker
SLAB = 1 << 15  # points that are mapped together

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Rendered:
    """Arrays of one sample (see :mod:`xaigt.dataset.layout`) and what was measured of each planted lesion.

    `change` is image minus twin before both are rounded, where that is known.
    """

    arrays: Arrays
    lesions: list[dict[str, Any]]
    change: npt.NDArray[np.float32] | None = None


def render(plan: Plan, grid: Grid, recipe: Recipe, device: torch.device) -> Rendered:
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
    """
    if plan.slice_mm is not None:
        grid = grid.at(plan.slice_mm)
    anatomy = Anatomy.of(load_fields(plan.template), plan.subject, device)
    fields = load_fields(plan.template, grid.voxel)
    healthy, read = _healthy(plan, grid, anatomy, fields)
    ground = Canvas(healthy, read, grid, anatomy, plan)
    others = [item for item in plan.lesions if item.role != "lesion" and item.planted]
    lesions = [item for item in plan.lesions if item.role == "lesion" and item.planted]
    swapped = [item for item in plan.lesions if item.role == "lesion" and item.swapped]
    for instance, item in enumerate(others, start=1):
        ground.plant(instance, item.lesion)

    def pushed(pushing: list[PlannedLesion]) -> Canvas:
        """Return the ground, displaced by lesions: without truth, for lesions to be planted on."""
        if not plan.mass_effect or not pushing:
            return ground.copy()
        moved = Canvas(*_healthy(plan, grid, anatomy, fields, [item.lesion for item in pushing]), grid, anatomy, plan)
        for number, other in enumerate(others, start=1):
            moved.plant(number, other.lesion)
        return moved.copy()

    # Sham: a lesion that the class leaves out displaces tissue all the same.
    sham = recipe.mass_effect is not None and recipe.mass_effect.sham
    unplanted = [item for item in plan.lesions if item.role == "lesion" and not item.planted and not item.swapped]
    canvas = pushed(lesions + unplanted * sham)
    undisturbed = canvas.image.clone()
    effects = _effects(plan, grid, anatomy, ground.image, read["depth"] > 0)
    for instance, item in enumerate(lesions, start=1):
        canvas.plant(instance, item.lesion)
    noise = correlated_noise(plan.acquisition, grid).to(device)
    for delta, _ in effects:
        noise = noise + delta
    if (hardening := beam_hardening(plan.acquisition, grid, anatomy, read["depth"])) is not None:
        noise = noise + hardening
    quadrature = quadrature_noise(plan.acquisition, grid)
    second = None if quadrature is None else quadrature.to(device)
    limits = HU_RANGE if recipe.modality == "CT" else MR_RANGE

    def seen(image: torch.Tensor) -> npt.NDArray[np.int16]:
        return _quantise(image + noise if second is None else torch.hypot(image + noise, second), limits)

    image, twin = seen(canvas.image), seen(ground.image)
    other = _other(ground, effects, len(others))
    ruler, minimum = Ruler(grid, anatomy, plan.acquisition.noise_hu), recipe.visibility.minimum_cnr
    rows = []
    shown = canvas.instance.cpu().numpy()
    for instance, item in enumerate(lesions, start=1):
        mask = shown == instance
        found = ruler.measure(mask, image, twin, minimum, mixed=getattr(item.lesion, "stage", None) == "mixed")
        if not found["visible"] and recipe.visibility.invisible == "exclude":
            canvas.instance[torch.from_numpy(mask).to(device)] = 0
        rows.append(_named(item, instance) | described(item.lesion) | found)
    present = set(other[other > 0].tolist())  # most of them lie in other slices
    bare = seen(healthy) if present else twin
    for instance, item in enumerate(others, start=1):
        found = ruler.measure(other == instance, twin, bare, minimum) if instance in present else ruler.nothing
        rows.append(_named(item, instance) | described(item.lesion) | found)
    for instance, (effect, (delta, _)) in enumerate(zip(plan.effects, effects, strict=True), start=len(others) + 1):
        found = ruler.measure(other == instance, twin, twin - delta.cpu().numpy(), minimum)
        row = {"role": effect.role, "group": effect.kind, "instance": instance}
        rows.append(row | described(effect) | found)
    arrays = _arrays(image, twin, canvas, ground, undisturbed, recipe.epsilon) | {
        "support": (read["depth"] > 0).to(torch.uint8).cpu().numpy(),
        "compartment": compartments(read),
    }
    arrays["other"] = other
    if recipe.task in SWAPPING:
        exchanged = pushed(swapped + unplanted * sham)
        for instance, item in enumerate(swapped, start=1):
            exchanged.plant(instance, item.lesion)
        arrays |= {"swapped": seen(exchanged.image), "swapped_lesion": exchanged.instance.cpu().numpy()}
    change = (canvas.image - ground.image).cpu().numpy()
    if plan.slice_mm is not None:
        arrays, change = {name: array[0] for name, array in arrays.items()}, change[0]
    return Rendered(arrays, rows, change)


def _named(item: PlannedLesion, instance: int) -> dict[str, Any]:
    return {"role": item.role, "group": item.group, "instance": instance}


def _effects(
    plan: Plan, grid: Grid, anatomy: Anatomy, image: torch.Tensor, inside: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What each effect adds to every image of the sample, and its mask."""
    if not plan.effects:
        return []
    _, y, _ = grid.centre[::-1]
    middle = anatomy.to_scanner((grid.centre[2], y, 0.0))[2]
    return [apply(effect, grid, image, inside, middle) for effect in plan.effects]


def _other(ground: Canvas, effects: list[tuple[torch.Tensor, torch.Tensor]], before: int) -> npt.NDArray[np.uint8]:
    """Numbers of distractors, confounders and suppressors; small ones lie over large ones."""
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
    brain = subject.grey_hu * read["grey"] + subject.white_hu * read["white"] + subject.csf_hu * read["csf"]
    return brain + subject.bone * read["bone"] + read["soft"], read


def _quantise(image: torch.Tensor, limits: tuple[int, int]) -> npt.NDArray[np.int16]:
    clipped = torch.clamp(torch.round(image), *limits)
    return np.asarray(clipped.to(torch.int16).cpu().numpy())


def _arrays(
    image: npt.NDArray[np.int16],
    twin: npt.NDArray[np.int16],
    canvas: Canvas,
    ground: Canvas,
    undisturbed: torch.Tensor,
    epsilon: float,
) -> Arrays:
    """Image, twin, and what differs between them; `undisturbed` is the image before lesions were planted."""
    instance, altered = canvas.instance.cpu().numpy(), np.zeros(image.shape, np.uint8)
    box = box_of(image != twin)
    changed = np.abs(image[box].astype(np.int32) - twin[box]) > epsilon
    in_lesion = changed & (instance[box] > 0)
    in_oedema = changed & (canvas.oedema.cpu().numpy()[box] > OEDEMA_VISIBLE) & ~in_lesion
    # Where planting changed nothing, rounding can still turn a displacement below epsilon into a whole unit.
    before, here, there = undisturbed[box], canvas.image[box], ground.image[box]
    moved = (((before - there).abs() > epsilon) | (here == before)).cpu().numpy()
    rest = changed & ~in_lesion & ~in_oedema
    altered[box] = _bits(ALTERED, lesion=in_lesion, oedema=in_oedema, displaced=rest & moved, blur=rest & ~moved)
    return {"image": image, "twin": twin, "lesion": instance, "altered": altered}


def compartments(read: dict[str, torch.Tensor]) -> npt.NDArray[np.uint8]:
    """Bits of ``layout.COMPARTMENTS``, from the fields of a subject."""
    fields = {name: read[name].cpu().numpy() for name in ("csf", "depth", "parenchyma", "ventricles")}
    result = np.zeros(fields["depth"].shape, np.uint8)
    box = box_of((fields["depth"] > 0) | (fields["parenchyma"] > 0))
    csf, depth, parenchyma, ventricles = (values[box] for values in fields.values())
    inside, in_ventricles = depth > 0, ventricles > 0
    result[box] = _bits(
        COMPARTMENTS,
        **{
            "parenchyma": parenchyma > 0,
            "ventricles": in_ventricles & inside,
            "cisterns": inside & ~in_ventricles & (csf > FLUID),
            "extra-axial": inside & (depth < EXTRA_AXIAL_MM),
        },
    )
    return result


def _bits(numbers: Mapping[str, int], **masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """One array whose bits say in which masks a voxel lies."""
    result = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for name, mask in masks.items():
        result |= mask.view(np.uint8) * np.uint8(numbers[name])
    return result
