"""Lesions of the bank made alike in area, mass and values, so that their shape alone tells the class.

As published, round lesions cover 452 to 496 pixels and irregular ones 576 to 708 (after upscaling): area alone tells
the class. Here each template keeps as many of its brightest pixels as give the same mean area of the truth in the
stored image, and these get values of one common profile, in the order of their brightness, whose sum is the same for
every template.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xaigt.synthesis.legacy import bank
from xaigt.synthesis.legacy.blend import SOURCE, STORED
from xaigt.synthesis.legacy.kept import Arrays, kept

Image = npt.NDArray[np.float64]

VERSION = 5  # of this code: raise it when any template changes
PLATEAU, DIMMEST = 0.25, 0.05  # share of a lesion's pixels that are brightest; lowest value in it
SERIES = 5
_STEPS = 40  # of bisection


@lru_cache(maxsize=1)
def matched_templates() -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    """Return the 50 lesions of each class, ``(round, irregular)``, alike in stored area, mass and peak."""
    arrays = kept(f"matched-{bank.VERSION}-{VERSION}", _match)
    first, second = (tuple(arrays[name] for name in names) for names in _names())
    return first, second


def matched_area() -> float:
    """Mean stored area, in pixels, that the templates are brought to: that of the smallest one, whole."""
    return float(kept(f"matched-{bank.VERSION}-{VERSION}", _match)["area"])


def _names() -> list[list[str]]:
    return [[f"{kind}-{number}" for number in range(bank.HARVESTED)] for kind in (bank.ROUND, bank.IRREGULAR)]


def _match() -> Arrays:
    everything = bank.templates()
    area = min(stored_area(template > 0) for kind in everything for template in kind)
    counts = [_counts(kind, area) for kind in everything]
    profile = np.mean([_profile(template) for kind in everything for template in kind], axis=0)
    # Wide shapes keep their peak when they are resized, thin ones lose it, unless the brightest share is one level.
    # The dimmest values stay far above a quantum of the stored image, or the altered area would tell the class.
    profile = np.minimum(profile, np.interp(PLATEAU, np.linspace(0, 1, profile.size), profile))
    profile = (profile - profile[-1]) / (profile[0] - profile[-1])
    mass = float(np.mean([_values(profile, count, 1.0).sum() for kind in counts for count in kind]))
    arrays: Arrays = {"area": np.array(area)}
    for names, kind, wanted in zip(_names(), everything, counts, strict=True):
        for name, template, count in zip(names, kind, wanted, strict=True):
            arrays[name] = _refill(template, count, profile, mass)
    return arrays


def _counts(templates: tuple[Image, ...], area: float) -> list[int]:
    """Number of brightest pixels that each template keeps.

    A pixel more or less changes the stored area by about one, so no template has exactly the wanted area. What one
    misses is made up by the next; every fifth one is a series of its own, since splits share out templates so.
    """
    owed = [0.0] * SERIES
    counts = []
    for number, template in enumerate(templates):
        wanted = area + owed[number % SERIES]
        count = _count(template, wanted)
        near = {k: stored_area(_brightest(template, k) > 0) for k in (count - 1, count, count + 1)}
        best = min(near, key=lambda k: abs(near[k] - wanted))
        owed[number % SERIES] = wanted - near[best]
        counts.append(best)
    return counts


def stored_area(mask: npt.NDArray[np.bool_]) -> float:
    """Mean number of pixels of the truth in the stored image, over all places where the mask may lie.

    A stored pixel is truth if any of the 2 x 2 pixels that it is interpolated from is above 0 (no weight is ever 0:
    see :func:`xaigt.synthesis.legacy.blend.interpolation`). Its upper left one is each pixel of the frame equally
    often, so the mean is (224/270)^2 times the pixels of the mask dilated by 2 x 2.

    Parameters
    ----------
    mask
        ``[h, w]``, where a template is above 0.
    """
    padded = np.pad(mask, 1)
    dilated = padded[:-1, :-1] | padded[1:, :-1] | padded[:-1, 1:] | padded[1:, 1:]
    return float(dilated.sum()) * (STORED / SOURCE) ** 2


def _count(template: Image, area: float) -> int:
    """Number of brightest pixels whose truth has at least the wanted mean area in the stored image."""
    low, high = 1, int((template > 0).sum())
    while low < high:
        middle = (low + high) // 2
        if stored_area(_brightest(template, middle) > 0) < area:
            low = middle + 1
        else:
            high = middle
    return low


def _brightest(template: Image, count: int) -> Image:
    """Return the rank (from `count` down to 1) of the brightest pixels, 0 elsewhere; ties in reading order."""
    ranks = np.zeros(template.size)
    ranks[np.argsort(-template, axis=None, kind="stable")[:count]] = np.arange(count, 0, -1)
    return ranks.reshape(template.shape)


def _profile(template: Image) -> Image:
    """Values above 0 in falling order, read at 201 equal steps."""
    values = np.sort(template[template > 0])[::-1]
    return np.interp(np.linspace(0, 1, 201), np.linspace(0, 1, values.size), values)


def _values(profile: Image, count: int, exponent: float) -> Image:
    """Falling values from 1 to the dimmest, `count` of them."""
    read = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, profile.size), profile)
    return np.asarray(DIMMEST + (1 - DIMMEST) * read**exponent)


def _refill(template: Image, count: int, profile: Image, mass: float) -> Image:
    """Give the brightest pixels the values of the profile, bent so that they sum to `mass`."""
    low, high = 0.01, 100.0
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        if _values(profile, count, middle).sum() > mass:
            low = middle
        else:
            high = middle
    ranks = _brightest(template, count)
    values = np.concatenate([[0.0], _values(profile, count, high)[::-1]])
    return np.asarray(values[ranks.astype(int)])
