"""Round and irregular forms that fill a given box with a given number of voxels.

A form is a function G of position: the lesion is where G is at most a level. The level is found by selection among
the voxel centres, so that the lesion has exactly the wanted number of voxels; and the form is widened or narrowed on
each side of each axis, and made slimmer or fuller as a whole, until the lesion touches every side of its box and
leaves it nowhere. So a round and an irregular form can share both.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from xaigt.compiled.forms import form_sizes
from xaigt.distributions import DIGITS
from xaigt.schema import Strict
from xaigt.shape import box_of, compactness

Kind = Literal["round", "irregular"]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Vector = tuple[float, ...]

SLIMMEST = 0.93
_ROUNDS = 40  # of adjustment; half of the forms need none, few need more than 10
_MARGIN = 3  # voxels beside the box, so that a form that leaves it is seen to
_FORMS, _MOST_FORMS = 12, 200  # drawn to find one as compact as wanted; and while none is in the range at all
_NEAR = 0.02
_TIE = 1e-7  # nearer values of G than this are no decision: another machine might take the other


class Form(Strict):
    """The numbers of one form.

    `directions` are unit vectors towards its lobes (irregular) or its gentle bulges (round), `width_deg` and
    `sharpness` how wide and steep they are, `bulge` how high (round). `exponent` is that of the norm that its outline
    follows, `signs` the diagonal that a round form lies along. `slimness` (0..0.93) is how deep the clefts between the
    lobes are, or how far a round form leans to its diagonal. `sides` are the distances from its centre on both sides of
    each axis, in half edges of the box. `level` bounds it.
    """

    kind: Kind
    directions: tuple[Vector, ...]
    width_deg: float
    sharpness: float
    bulge: float
    exponent: float
    signs: Vector
    slimness: float
    sides: tuple[tuple[float, float], ...]
    level: float = 0.0


def draw_form(rng: np.random.Generator, kind: Kind, axes: int) -> Form:
    """Draw a form in 2 or 3 dimensions, not yet fitted to a box."""
    irregular, flat = kind == "irregular", axes == 2
    if irregular:
        count = int(rng.integers(5, 9)) if flat else int(rng.integers(9, 15))
        spread = math.pi / count if flat else 2 / math.sqrt(count)  # half the angle between neighbours
        width, sharpness, bulge, exponent = rng.uniform(0.5, 0.75) * spread, 4.0, 1.0, 3.0
    else:
        count = 3 if flat else 5
        width, sharpness, bulge, exponent = 1.0, 2.0, rng.uniform(0.0, 0.12), rng.uniform(1.5, 2.2)
    return Form(
        kind=kind,
        directions=tuple(_rounded(vector) for vector in _directions(rng, count, axes)),
        width_deg=round(math.degrees(width), DIGITS),
        sharpness=sharpness,
        bulge=round(float(bulge), DIGITS),
        exponent=round(float(exponent), DIGITS),
        signs=_rounded(rng.choice([-1.0, 1.0], axes)),
        slimness=0.5,
        sides=((1.0, 1.0),) * axes,
    )


def _directions(rng: np.random.Generator, count: int, axes: int) -> Floats:
    """Unit vectors, spread evenly but for some jitter, turned at random."""
    if axes == 2:
        angle = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2 * np.pi / count + rng.uniform(0, 2 * np.pi)
        return np.stack([np.sin(angle), np.cos(angle)], -1)
    # A Fibonacci spiral.
    polar = np.arccos(1 - (2 * np.arange(count) + 1) / count)
    azimuth = np.pi * (1 + math.sqrt(5)) * (np.arange(count) + 0.5)
    vectors = np.stack([np.cos(polar), np.sin(polar) * np.sin(azimuth), np.sin(polar) * np.cos(azimuth)], -1)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    vectors = np.einsum("ij,kj->ik", vectors, turn) + rng.normal(size=(count, 3)) * 0.12
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def size_function(form: Form, offset: Floats) -> Floats:
    """G at points ``[..., axes]``, in half edges of the box from its middle."""
    signs, values = np.array(form.signs), np.empty(offset.size // offset.shape[-1])
    inverse: Floats = np.eye(len(signs))
    if form.kind == "round":
        inverse = np.asarray(np.linalg.inv(inverse + (1 - inverse) * form.slimness * np.outer(signs, signs)), float)
    points = np.array(offset, np.float64, order="C").reshape(-1, len(signs))
    form_sizes(
        form.kind == "irregular", points, np.array(form.sides), form.exponent, np.array(form.directions),
        math.radians(form.width_deg), form.sharpness, form.bulge, form.slimness, inverse, values,
    )  # fmt: skip
    return values.reshape(offset.shape[:-1])


@lru_cache(maxsize=64)
def lattice(shape: tuple[int, ...], margin: int = 0) -> Floats:
    """Voxel centres ``[..., axes]`` of a box and of some voxels beside it, in half edges of the box from its middle."""
    axes = [(np.arange(count + 2 * margin) - (count + 2 * margin - 1) / 2) * 2 / count for count in shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    points.setflags(write=False)  # it is kept and shared
    return points


def fit(form: Form, shape: tuple[int, ...], voxels: int) -> tuple[Form, Mask] | None:
    """Fit a form to a box.

    Parameters
    ----------
    form
        As drawn.
    shape
        Voxels of the box along each axis.
    voxels
        How many of them it shall have.

    Returns
    -------
    form, mask or None
        With slimness, sides and level resolved, and the voxels of the box that belong to it; None if it cannot be done
        (a form too full or too slim for the box).
    """
    offset = lattice(shape, _MARGIN)
    for _ in range(_ROUNDS):
        size = size_function(form, offset)
        below, above = np.partition(size, (voxels - 1, voxels), axis=None)[voxels - 1 : voxels + 1]
        mask = size <= below
        reach = _reach(mask, shape)
        if (reach == 1).all() and above - below > _TIE:
            box = mask[(slice(_MARGIN, -_MARGIN),) * mask.ndim]
            return form.model_copy(update={"level": round(float(below + above) / 2, 9)}), box
        # All sides too far out: fuller, so that the same number of voxels needs less room. One side: that side.
        error = np.log(reach)
        slimness = min(max(form.slimness - float(error.mean()), 0.0), SLIMMEST)
        sides = np.array(form.sides) * np.exp(-0.7 * (error - error.mean()))
        changed = {
            "slimness": round(slimness, DIGITS),
            "sides": tuple((round(float(low), DIGITS), round(float(high), DIGITS)) for low, high in sides),
        }
        if changed == {"slimness": form.slimness, "sides": form.sides}:
            return None
        form = form.model_copy(update=changed)
    return None


def _reach(mask: Mask, shape: tuple[int, ...]) -> Floats:
    """Distances ``[axes, 2]`` from the middle of the box to the edges of a mask, in half edges of the box."""
    result = np.empty((len(shape), 2))
    for axis, (used, count) in enumerate(zip(box_of(mask), shape, strict=True)):
        middle = mask.shape[axis] / 2
        result[axis] = (middle - used.start) * 2 / count, (used.stop - middle) * 2 / count
    return result


def form_mask(form: Form, shape: tuple[int, ...]) -> Mask:
    """Voxels of a box that belong to a fitted form."""
    return np.asarray(size_function(form, lattice(shape)) <= form.level)


def find_form(
    rng: np.random.Generator,
    kind: Kind,
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    voxels: int,
    wanted: tuple[float, float],
) -> tuple[Form, float, float] | None:
    """Draw forms until one has the compactness that was drawn first, or the nearest that is in the range.

    What a form can have depends on its box: a drawn value near the end of the range may be out of its reach. The value
    reached lies in the range always, and within 0.02 of the drawn one mostly.

    Parameters
    ----------
    rng
        The stream of shapes.
    kind
        Round or irregular.
    shape, spacing, voxels
        The box, its voxels (mm), and how many of them to fill.
    wanted
        Range of compactness (see :func:`xaigt.shape.compactness`), of which one value is drawn.

    Returns
    -------
    form, target, reached
        The form, the compactness drawn and the one it has; None if no form lies in the range.
    """
    target = round(float(rng.uniform(*wanted)), DIGITS)
    best: tuple[Form, float, float] | None = None
    for attempt in range(_MOST_FORMS):
        if attempt >= _FORMS and best is not None:
            break
        fitted = fit(draw_form(rng, kind, len(shape)), shape, voxels)
        if fitted is None:
            continue
        form, mask = fitted
        reached = round(compactness(mask, spacing), DIGITS)
        if wanted[0] <= reached <= wanted[1] and (best is None or abs(reached - target) < abs(best[2] - target)):
            best = form, target, reached
            if abs(reached - target) <= _NEAR:
                break
    return best


def _rounded(values: Floats) -> Vector:
    return tuple(round(float(value), DIGITS) for value in values)
