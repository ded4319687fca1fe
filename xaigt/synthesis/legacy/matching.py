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
from xaigt.synthesis.legacy.blend import SOURCE, STORED, interpolation
from xaigt.synthesis.legacy.kept import Arrays, kept

Image = npt.NDArray[np.float64]

VERSION = 1  # of this code: raise it when any template changes
_PERIOD = 135  # 270/224 = 135/112: after so many pixels the two lattices meet again
_PHASES = range(0, _PERIOD, 27)  # along each axis
_STEPS = 40  # of bisection


@lru_cache(maxsize=1)
def matched_templates() -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    """Return the 50 lesions of each class, ``(round, irregular)``, alike in stored area, mass and peak."""
    arrays = kept(f"matched-{bank.VERSION}-{VERSION}", _match)
    first, second = (
        tuple(arrays[f"{kind}-{number}"] for number in range(bank.HARVESTED)) for kind in (bank.ROUND, bank.IRREGULAR)
    )
    return first, second


def _match() -> Arrays:
    everything = bank.templates()
    both = [*everything[bank.ROUND], *everything[bank.IRREGULAR]]
    # The largest area that every template can reach: that of the smallest one, whole.
    area = min(stored_area(template > 0) for template in both)
    counts = [_count(template, area) for template in both]
    profile = np.mean([_profile(template) for template in both], axis=0)
    profile = (profile - profile[-1]) / (profile[0] - profile[-1])
    mass = float(np.mean([_values(profile, count, 1.0).sum() for count in counts]))
    names = [f"{kind}-{number}" for kind in (bank.ROUND, bank.IRREGULAR) for number in range(bank.HARVESTED)]
    return {
        name: _refill(template, count, profile, mass) for name, template, count in zip(names, both, counts, strict=True)
    }


def stored_area(mask: npt.NDArray[np.bool_]) -> float:
    """Mean number of pixels of the truth in the stored image, over where the mask may lie on the lattice."""
    rows, columns = (_reach(extent) for extent in mask.shape)
    covered = np.einsum("aij,jk->aik", rows, mask.astype(np.float32))
    return float(np.mean([(covered @ one.T > 0).sum((1, 2)) for one in columns]))


def _reach(extent: int) -> npt.NDArray[np.float32]:
    """For each phase, which stored pixels along one axis take anything from which pixels of a template."""
    size = _PERIOD * (2 + extent // _PERIOD)
    low, weight = interpolation(size, size * STORED // SOURCE)
    weights = np.zeros((len(low), size), np.float32)
    weights[np.arange(len(low)), low] = weight < 1
    weights[np.arange(len(low)), np.minimum(low + 1, size - 1)] += weight > 0
    return np.stack([weights[:, phase : phase + extent] for phase in _PHASES])


def _count(template: Image, area: float) -> int:
    """Number of brightest pixels whose truth has the wanted mean area in the stored image."""
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
    """Falling values from 1 to just above 0, `count` of them."""
    return np.asarray(np.interp((np.arange(count)) / count, np.linspace(0, 1, profile.size), profile) ** exponent)


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
