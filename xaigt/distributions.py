"""Distributions as recipes write them, and drawing from them.

=================================== ==========================================================
in YAML                             meaning
=================================== ==========================================================
``5``                               always 5
``{uniform: [3, 5]}``               uniform between 3 and 5
``{normal: [56, 6], clip: [42, 75]}`` normal with mean and standard deviation, redrawn outside clip
``{quantiles: {0.05: 1, 0.95: 9}}`` piecewise linear quantile function; log-linear with ``log: true``
``{choice: {left: 1, right: 1}}``   one of the keys, with these relative weights
``{integers: [1, 3]}``              1, 2 or 3, equally often
=================================== ==========================================================
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Collection
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from xaigt.errors import nearest
from xaigt.schema import Strict

DIGITS = 4  # decimals that a provenance record keeps; what is drawn is rounded before it is used


class Uniform(Strict):
    """Uniform between two bounds."""

    uniform: tuple[float, float]

    @field_validator("uniform")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        return _increasing(bounds)

    def draw(self, rng: np.random.Generator) -> float:
        low, high = self.uniform
        return low + (high - low) * rng.random()  # as rng.uniform draws it, whose checks take three times as long


class Normal(Strict):
    """Normal, redrawn until it falls inside `clip`."""

    normal: tuple[float, Annotated[float, Field(ge=0)]]
    clip: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Normal:
        if self.clip is not None:
            low, high = _increasing(self.clip)
            mean, sd = self.normal
            if not (low - 2 * sd <= mean <= high + 2 * sd):
                raise ValueError(f"clip {list(self.clip)} lies more than 2 SD from the mean {mean}")
        return self

    def draw(self, rng: np.random.Generator) -> float:
        mean, sd = self.normal
        low, high = self.clip if self.clip is not None else (-math.inf, math.inf)
        for _ in range(1000):
            if low <= (value := float(rng.normal(mean, sd))) <= high:
                return value
        return min(max(mean, low), high)


class Quantiles(Strict):
    """A distribution given by its quantile function at some probabilities."""

    quantiles: dict[Annotated[float, Field(ge=0, le=1)], float]
    log: bool = False

    @model_validator(mode="after")
    def _rising(self) -> Quantiles:
        points = sorted(self.quantiles.items())
        if len(points) < 2 or any(a[1] > b[1] for a, b in itertools.pairwise(points)):
            raise ValueError("needs at least two quantiles, rising with their probability")
        if self.log and points[0][1] <= 0:
            raise ValueError("log: true needs quantiles above 0")
        return self

    @cached_property
    def _points(self) -> tuple[list[float], list[float]]:
        """Rising probabilities and their values, or the logarithms of these."""
        points = sorted(self.quantiles.items())
        return [p for p, _ in points], [math.log(v) if self.log else v for _, v in points]

    def draw(self, rng: np.random.Generator) -> float:
        at, values = self._points
        place = at[0] + (at[-1] - at[0]) * rng.random()
        low = min(bisect_right(at, place), len(at) - 1) - 1
        value = values[low] + (values[low + 1] - values[low]) / (at[low + 1] - at[low]) * (place - at[low])
        return math.exp(value) if self.log else value


class Integers(Strict):
    """Whole numbers of a closed range, equally often."""

    integers: tuple[int, int]

    @field_validator("integers")
    @classmethod
    def _ordered(cls, bounds: tuple[int, int]) -> tuple[int, int]:
        if bounds[0] > bounds[1]:
            raise ValueError("the first bound must not exceed the second")
        return bounds

    def draw(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.integers[0], self.integers[1] + 1))


class Choice(Strict):
    """One of several names, with relative weights."""

    choice: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]

    @field_validator("choice")
    @classmethod
    def _some_weight(cls, choice: dict[str, float]) -> dict[str, float]:
        if sum(choice.values()) <= 0:
            raise ValueError("at least one weight must be above 0")
        return choice

    def among(self, known: Collection[str], what: str = "site") -> Choice:
        """Return it; refuse names that are not known. For validators of recipes.

        Raises
        ------
        ValueError
            Naming the first unknown one, and the nearest known names.
        """
        for name in self.choice:
            if name not in known:
                raise ValueError(f"unknown {what} {name!r}: {nearest(name, known)}")
        return self

    @cached_property
    def _options(self) -> tuple[list[str], list[float]]:
        """Names, and the sums of their shares up to each."""
        weights = np.array(list(self.choice.values()))
        return list(self.choice), np.cumsum(weights / weights.sum()).tolist()

    def draw(self, rng: np.random.Generator) -> str:
        options, sums = self._options
        return options[min(bisect_right(sums, rng.random()), len(options) - 1)]  # the sum may round to just below 1


def _form(value: Any) -> str | None:
    for key, tag in (("uniform", "_uniform"), ("normal", "_normal"), ("quantiles", "_quantiles")):
        if (isinstance(value, dict) and key in value) or hasattr(value, key):
            return tag
    return None if isinstance(value, dict) else "_number"


Number = Annotated[
    Annotated[Uniform, Tag("_uniform")]
    | Annotated[Normal, Tag("_normal")]
    | Annotated[Quantiles, Tag("_quantiles")]
    | Annotated[float, Tag("_number")],
    Discriminator(
        _form,
        custom_error_type="distribution",
        custom_error_message=(
            "must be a number, {uniform: [low, high]}, {normal: [mean, sd]} or {quantiles: {p: value, ...}}"
        ),
    ),
]
"""A real number, fixed or drawn."""

Count = Integers | int
"""A whole number, fixed or drawn."""


def draw(rng: np.random.Generator, distribution: Uniform | Normal | Quantiles | float) -> float:
    """Draw a real number, rounded to what provenance keeps."""
    if isinstance(distribution, float | int):
        return round(float(distribution), DIGITS)
    return round(distribution.draw(rng), DIGITS)


def draw_count(rng: np.random.Generator, distribution: Integers | int) -> int:
    """Draw a whole number."""
    return distribution if isinstance(distribution, int) else distribution.draw(rng)


def _increasing(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] <= bounds[1]:
        raise ValueError(f"the first bound must not exceed the second (given: {list(bounds)})")
    return bounds
