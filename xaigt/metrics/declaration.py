"""What a metric says of itself: range, direction, chance, attainable reference, signs, degenerate input.

The declarations are the one place where this is written down: the metrics run by them, the tests check
them, and the page ``docs/reference/metrics.md`` is made from them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

import torch

from xaigt.errors import XaigtError, nearest
from xaigt.metrics.batch import Array, MapBatch
from xaigt.metrics.blocks import blocks

Shape = Literal["map", "faithfulness", "set"]
Direction = Literal["higher", "lower"]

# What a metric returns for a degenerate input. "nan": undefined. "chance": the value a uniformly random map
# gets on average. "share": the truth's share of the evaluated voxels. A number: that number. Never the best.
Outcome = Literal["nan", "chance", "share", "any"] | float

CASES = ("all-zero map", "constant map", "map with NaN", "empty mask", "full mask")
UNINFORMATIVE_IS_CHANCE: Mapping[str, Outcome] = {"all-zero map": "chance", "constant map": "chance"}
UNINFORMATIVE_IS_SHARE: Mapping[str, Outcome] = {"all-zero map": "share", "constant map": "share"}
UNINFORMATIVE_IS_ZERO: Mapping[str, Outcome] = {"all-zero map": 0.0, "constant map": 0.0}
UNINFORMATIVE_IS_NAN: Mapping[str, Outcome] = {"all-zero map": "nan", "constant map": "nan"}
UNDEFINED: Mapping[str, Outcome] = {"map with NaN": "nan", "empty mask": "nan", "full mask": "nan"}

THROUGH_GRID = (
    "the score of the truth averaged onto the map's grid and resized back (`xaigt.metrics.attainable`)"
)

Chance = Callable[..., torch.Tensor] | Literal["permutation"] | float


@dataclass(frozen=True)
class Metric:
    """Declaration of one metric, with its parameters bound.

    Attributes
    ----------
    name
        Its name in the catalogue.
    shape
        ``map``: (maps, masks) -> a value a sample. ``faithfulness``: (model, inputs, maps, targets,
        reference) -> a value a sample. ``set``: a set of maps -> a value a class.
    compute
        The formula.
    range
        Smallest and largest value it can take.
    direction
        Whether ``higher`` or ``lower`` is better.
    chance
        What a uniformly random map scores inside the support: a number, a function of the batch, or
        ``permutation`` (:func:`xaigt.metrics.permutation_chance`).
    attainable
        The best that can be asked of a map of a given grid.
    signs
        Sign policies it is defined for.
    degenerate
        Outcome for each of :data:`CASES`.
    source
        Where the formula comes from.
    region
        The region it reads in place of the truth, if any.
    sorts
        Whether it needs the sorted values (else it selects or sums).
    parameters
        Bound parameters that differ from the defaults.
    """

    name: str
    shape: Shape
    compute: Callable[..., Any]
    range: tuple[float, float]
    direction: Direction
    chance: Chance
    attainable: str
    signs: tuple[str, ...]
    degenerate: Mapping[str, Outcome]
    source: str
    region: str | None = None
    sorts: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        """Every parameter of the formula with its default."""
        return {
            key: parameter.default
            for key, parameter in inspect.signature(self.compute).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
        }

    @property
    def title(self) -> str:
        """Name with the parameters that differ from the defaults: ``dice(threshold=otsu)``."""
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.parameters.items())})"

    @property
    def summary(self) -> str:
        """First line of the formula's docstring."""
        return (inspect.getdoc(self.compute) or "").split("\n\n")[0].replace("\n", " ")

    @property
    def best(self) -> float:
        """The end of the range that is better."""
        return self.range[1] if self.direction == "higher" else self.range[0]

    def bind(self, **parameters: Any) -> Self:
        """Return this metric with parameters set.

        Raises
        ------
        XaigtError
            For a parameter that the metric does not have.
        """
        for key in parameters:
            if key not in self.defaults:
                raise XaigtError(f"{self.name} has no parameter {key!r}: {nearest(key, self.defaults)}.")
        if not parameters:
            return self
        merged = {**self.parameters, **parameters}
        kept = {k: merged[k] for k in self.defaults if k in merged and merged[k] != self.defaults[k]}
        return dataclasses.replace(self, parameters=kept)


@dataclass(frozen=True)
class MapMetric(Metric):
    """A metric of a map against the truth: call it with maps and masks."""

    def __call__(
        self,
        maps: Array,
        masks: Array,
        *,
        support: Array | None = None,
        ignore: Array | None = None,
        spacing: Sequence[float] | None = None,
        sign: str | None = None,
        regions: Mapping[str, Array] | None = None,
        **parameters: Any,
    ) -> torch.Tensor:
        """Score every map of a batch.

        Parameters
        ----------
        maps
            ``[B, *S]``, two or three spatial axes, any range.
        masks
            ``[B, *S]``, truth: not zero. Integers are instance numbers; of a boolean mask the connected
            components are the instances.
        support
            ``[B, *S]`` or ``[*S]``, where evidence could lie; all voxels by default.
        ignore
            ``[B, *S]`` or ``[*S]``, voxels that count neither as truth nor as its opposite.
        spacing
            Voxel size in mm, one number an axis. Without it distances are in voxels.
        sign
            ``relu``, ``abs`` or ``signed``; by default the first that the metric is defined for.
        regions
            Further masks by name (``distractor``, ``compartment`` ...) for the metrics that read one.
        **parameters
            Parameters of this metric.

        Returns
        -------
        torch.Tensor
            ``[B]``, float64, on the device of the maps.
        """
        metric = self.bind(**parameters)
        batches = blocks(
            maps,
            masks,
            support=support,
            ignore=ignore,
            spacing=spacing,
            sign=self.signs[0] if sign is None else sign,
            regions=regions,
        )
        return torch.cat([metric.of(batch) for batch in batches])

    def of(self, batch: MapBatch) -> torch.Tensor:
        """Score a prepared batch; what it computed (the sort, the components) is shared by all metrics."""
        if batch.sign not in self.signs:
            raise XaigtError(
                f"{self.name} is not defined for sign={batch.sign!r}; choose one of {', '.join(self.signs)}."
            )
        value = self.compute(batch, **self.parameters).to(torch.float64)
        return torch.where(batch.defined(self.region), value, batch.nan())

    def chance_of(self, batch: MapBatch) -> torch.Tensor:
        """Return what uniformly random maps score on average on this batch, ``[B]``, if a formula tells.

        Raises
        ------
        XaigtError
            Where it is not: :func:`xaigt.metrics.permutation_chance` finds it by permutation.
        """
        if isinstance(self.chance, str):
            raise XaigtError(f"The chance level of {self.name} has no formula; use permutation_chance.")
        if callable(self.chance):
            parameters = {**self.defaults, **self.parameters}
            wanted = [k for k in inspect.signature(self.chance).parameters if k in parameters]
            value = self.chance(batch, **{key: parameters[key] for key in wanted})
        else:
            value = torch.full_like(batch.nan(), self.chance)
        return torch.where(batch.defined(self.region), value.to(torch.float64), batch.nan())


@dataclass(frozen=True)
class ModelMetric(Metric):
    """A metric of faithfulness: call it with a model, inputs, maps, targets and a reference."""

    def __call__(self, *args: Any, **parameters: Any) -> Any:
        """Call the formula; its docstring tells the arguments."""
        return self.compute(*args, **{**self.parameters, **parameters})


@dataclass(frozen=True)
class SetMetric(Metric):
    """A metric of a set of maps."""

    def __call__(self, *args: Any, **parameters: Any) -> Any:
        """Call the formula; its docstring tells the arguments."""
        return self.compute(*args, **{**self.parameters, **parameters})


_KINDS: dict[str, type[Metric]] = {"map": MapMetric, "faithfulness": ModelMetric, "set": SetMetric}
M = TypeVar("M", bound=Metric)


def _declare(kind: type[M], shape: Shape, declared: dict[str, Any]) -> Callable[[Callable[..., Any]], M]:
    def wrap(compute: Callable[..., Any]) -> M:
        degenerate = {**UNDEFINED, **declared.pop("degenerate")}
        missing = [case for case in CASES if case not in degenerate]
        if missing:
            raise TypeError(f"{compute.__name__} does not say what it returns for: {', '.join(missing)}")
        made = kind(
            name=declared.pop("name", compute.__name__),
            shape=shape,
            compute=compute,
            degenerate=degenerate,
            **declared,
        )
        object.__setattr__(made, "__doc__", compute.__doc__)
        return made

    return wrap


def map_metric(**declared: Any) -> Callable[[Callable[..., torch.Tensor]], MapMetric]:
    """Declare a metric of a map; the function takes a :class:`MapBatch` and keyword-only parameters."""
    return _declare(MapMetric, "map", {"attainable": THROUGH_GRID, "signs": ("relu", "abs"), **declared})


def model_metric(**declared: Any) -> Callable[[Callable[..., Any]], ModelMetric]:
    """Declare a metric of faithfulness."""
    return _declare(ModelMetric, "faithfulness", {"signs": ("signed", "relu", "abs"), **declared})


def set_metric(**declared: Any) -> Callable[[Callable[..., Any]], SetMetric]:
    """Declare a metric of a set of maps."""
    return _declare(SetMetric, "set", {"signs": ("relu", "abs", "signed"), **declared})
