"""The published random numbers: image i of a split is drawn by ``RandomState(base + i)``.

First the number of lesions (3 to 5), then the class, then an order of the templates; then, for each lesion, candidates
for the upper left pixel of its rectangle, among the pixels of the brain in reading order, until one fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaigt.errors import XaigtError

FEWEST, MOST = 3, 5
_TRIES, _RESTARTS = 2000, 50

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Head:
    """What an image's generator gives first, and the generator as it stands then."""

    count: int
    label: int
    order: tuple[int, ...]
    rng: np.random.RandomState


@dataclass(frozen=True)
class Place:
    """Where a rectangle lies, and how it was drawn: rank of the pixel among the brain's, and candidates needed."""

    row: int
    column: int
    rank: int
    candidates: int


def draw_head(seed: int, templates: int) -> Head:
    """Draw number of lesions, class and order of the templates of the image with this seed.

    Parameters
    ----------
    seed
        base + i.
    templates
        How many there are to choose from; as published, 30.
    """
    rng = np.random.RandomState(seed)
    count = int(rng.randint(FEWEST, MOST + 1))
    label = int(rng.randint(0, 2))
    order = np.arange(templates)
    rng.shuffle(order)
    return Head(count, label, tuple(order.tolist()), rng)


def draw_places(
    rng: np.random.RandomState, brain: Mask, rectangles: Sequence[tuple[int, int]], taken: Sequence[Mask]
) -> list[Place]:
    """Draw a place for each rectangle, wholly in the brain and clear of what earlier ones took.

    Parameters
    ----------
    rng
        The generator; as published, seeded anew.
    brain
        Where the slice is above 0.
    rectangles
        (rows, columns) of each.
    taken
        For each, the pixels of its rectangle that later rectangles must avoid.

    Raises
    ------
    XaigtError
        If the brain has no room for them.
    """
    rows, columns = np.nonzero(brain)
    for _ in range(_RESTARTS):
        places = _attempt(rng, brain.copy(), rows, columns, rectangles, taken)
        if places is not None:
            return places
    raise XaigtError(
        f"{len(rectangles)} lesions of up to {max(rectangles)} pixels find no room in a brain of {rows.size} pixels; "
        "use a smaller grid.spacing, or slices (slice_mm) with more brain."
    )


def _attempt(
    rng: np.random.RandomState,
    free: Mask,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    rectangles: Sequence[tuple[int, int]],
    taken: Sequence[Mask],
) -> list[Place] | None:
    places: list[Place] = []
    for (height, width), pixels in zip(rectangles, taken, strict=True):
        for tries in range(1, _TRIES + 1):
            rank = int(rng.randint(0, rows.size))  # the number that choice(arange(size)) takes
            row, column = int(rows[rank]), int(columns[rank])
            window = free[row : row + height, column : column + width]
            if window.shape == (height, width) and window.all():
                window &= ~pixels
                places.append(Place(row, column, rank, tries))
                break
        else:  # never seen with the published rectangles; the common square of matched places can get stuck
            return None
    return places
