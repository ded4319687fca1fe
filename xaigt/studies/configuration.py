"""What decides a study: one YAML file, every field of which can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, field_validator, model_validator

from xaigt.errors import nearest
from xaigt.models.settings import Depth
from xaigt.schema import Document, Strict, validate
from xaigt.studies.errors import StudyError

PRESETS = ("quick", "standard", "paper")
MAIN, LEGACY = "main", "legacy"

Option = str | int | float | bool
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_tuple)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), BeforeValidator(_tuple)]


class Data(Strict):
    """The images.

    Attributes
    ----------
    recipe
        Name in the catalogue, or a recipe file. Ignored where `dataset` is given.
    changes
        Fields of the recipe by dotted key, such as ``{"grid.size": 96}``.
    dataset
        Directory of a dataset of your own; it needs the splits train, val and test.
    samples
        Samples of each split. A sample's split is drawn from its seed, so the counts come out about so.
    seeds
        Each gives fresh training data. Every network is evaluated on the test split of the first.
    legacy_recipe
        The recipe with the published defects, for ``compare_legacy``.
    legacy_changes
        Its changes.
    """

    recipe: str = "lesion-shape"
    changes: dict[str, Any] = Field(default_factory=dict)
    dataset: str | None = None
    samples: dict[str, Positive] = Field(default_factory=lambda: {"train": 2500, "val": 2500, "test": 8539})
    seeds: Seeds = (0,)
    legacy_recipe: str = "lesion-shape-legacy"
    legacy_changes: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Data:
        if set(self.samples) != {"train", "val", "test"}:
            raise ValueError("samples needs train, val and test, and nothing else")
        if self.dataset is not None and len(self.seeds) > 1:
            raise ValueError("a dataset of your own has one seed; leave seeds out")
        return self


class Grid(Strict):
    """The cells: every combination of these.

    Attributes
    ----------
    pretrain_seeds
        ``by-seed``: each seed has a pre-training run of its own, so that arms are compared over pre-trainings. A list:
        each of these, crossed with the seeds.
    arm_options
        Options of an arm, by its name.
    regimes
        Ways of training by name, each with the fields of `training` that it changes; the grid is run and analysed in
        each of them. Empty: one.
    """

    arms: Names = ("scratch", "fractal", "brain")
    depths: Annotated[tuple[Depth, ...], Field(min_length=1), BeforeValidator(_tuple)] = (0, 1, 2, 3, "all")
    networks: Names = ("resnet18",)
    seeds: Seeds = (0, 1, 2)
    pretrain_seeds: Literal["by-seed"] | Seeds = "by-seed"
    arm_options: dict[str, dict[str, Option]] = Field(default_factory=dict)
    regimes: dict[str, dict[str, Option]] = Field(default_factory=dict)

    @field_validator("arms", "depths", "networks", "seeds")
    @classmethod
    def _once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(map(str, values))) < len(values):
            raise ValueError(f"a value is given twice in {', '.join(map(str, values))}")
        return values


class Explanation(Strict):
    """What is explained and scored.

    Attributes
    ----------
    methods
        Explainers of :mod:`xaigt.explainers`.
    stages
        Of the network; null: all.
    options
        Of methods, by name.
    samples
        How many samples of the scored half of test are explained, at most.
    metrics
        Of :func:`xaigt.metrics.score`.
    sign
        What of a signed map counts. ``family``: of CAMs what speaks for the class (relu), of all others the strength
        (abs), as in the published study.
    effects
        Of how many of these samples single lesions are replaced, to see which were used.
    used_metrics
        Scored against what was planted and against what was used, on those samples.
    """

    methods: Names
    stages: Names | None = None
    options: dict[str, dict[str, Option]] = Field(default_factory=dict)
    samples: Positive = 200
    metrics: Names
    sign: Literal["family", "relu", "abs", "signed"] = "family"
    effects: Annotated[int, Field(ge=0)] = 50
    used_metrics: Names = ("precision_at_k",)
    batch_size: Positive = 32

    @property
    def signs(self) -> dict[str, str]:
        """Sign policy of each method."""
        from xaigt.explainers.registry import CAMS, UNTRAINED

        if self.sign != "family":
            return dict.fromkeys(self.methods, self.sign)
        return {name: "relu" if name.removeprefix(UNTRAINED) in CAMS else "abs" for name in self.methods}


class Analysis(Strict):
    """How the scores are compared.

    Attributes
    ----------
    metric
        The score that is analysed; all metrics are compared in short beside it.
    stage
        Stage of the CAM family in the main analysis: a name, or ``last``.
    exclude
        Methods that are references, not candidates: they are shown, and left out of comparisons.
    caliper
        Of the matched design: largest distance from the common validation accuracy.
    """

    metric: str = "precision_at_k"
    stage: str = "last"
    exclude: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = (
        "random", "input", "support", "sobel", "laplace", "contrast", "prior", "oracle",
    )  # fmt: skip
    covariate: Literal["dprime", "auc", "accuracy", "accuracy_logit"] = "dprime"
    caliper: Annotated[float, Field(gt=0)] = 0.03
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class Study(Strict):
    """A study of pre-training and transfer depth.

    Attributes
    ----------
    preset
        Where the configuration came from; a word for the report.
    training
        Fields of :class:`xaigt.models.Settings` that all cells share.
    gallery
        Samples of each rank (best, median, worst) whose maps are kept.
    caveats
        Sentences that the report must carry.
    """

    preset: str = ""
    data: Data = Field(default_factory=Data)
    grid: Grid = Field(default_factory=Grid)
    training: dict[str, Option | None] = Field(default_factory=dict)
    explanation: Explanation
    analysis: Analysis = Field(default_factory=Analysis)
    gallery: Positive = 2
    compare_legacy: bool = False
    caveats: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()

    @model_validator(mode="after")
    def _known(self) -> Study:
        from xaigt.explainers.registry import UNTRAINED, find_explainer
        from xaigt.metrics.table import select
        from xaigt.models.arms import ARMS
        from xaigt.models.registry import NETWORKS
        from xaigt.models.settings import Settings

        for name, known in (("arms", ARMS), ("networks", NETWORKS)):
            for value in getattr(self.grid, name):
                if value not in known:
                    raise ValueError(f"grid.{name}: no {value!r}: {nearest(value, known)}")
        for arm in self.grid.arm_options:
            if arm not in ARMS:
                raise ValueError(f"grid.arm_options: no arm {arm!r}: {nearest(arm, ARMS)}")
        for method in self.explanation.methods:
            find_explainer(method.removeprefix(UNTRAINED))
        for method in self.explanation.options:
            if method not in self.explanation.methods:
                others = nearest(method, self.explanation.methods)
                raise ValueError(f"explanation.options: {method!r} is not among explanation.methods: {others}")
        if self.analysis.metric not in {metric.title for metric in select(self.explanation.metrics)}:
            raise ValueError(f"analysis.metric {self.analysis.metric!r} is not among explanation.metrics")
        cell = {"network", "arm", "depth", "seed", "pretrain_seed", "arm_options"}
        every = [*self.training, *(name for fields in self.grid.regimes.values() for name in fields)]
        for name in every:
            if name in cell or name not in Settings.model_fields:
                raise ValueError(f"training: no field {name!r}: {nearest(name, set(Settings.model_fields) - cell)}")
        for variant in self.variants:
            Settings.model_validate(self.training_of(variant))
        if self.training.get("head", "one-logit") == "multi-label":
            raise ValueError("training.head: a study compares networks of two classes (one-logit or k-logit)")
        if self.compare_legacy and self.data.dataset is not None:
            raise ValueError("compare_legacy makes both datasets; leave data.dataset out")
        return self

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of what the grid is run on, each kind of data in each regime: ``main``, ``main-same`` ..."""
        kinds = (MAIN, LEGACY) if self.compare_legacy else (MAIN,)
        others = list(self.grid.regimes)[1:]
        return (*kinds, *(f"{kind}-{regime}" for regime in others for kind in kinds))

    def kind_of(self, variant: str) -> str:
        """Kind of data of a variant: main or legacy."""
        return variant.partition("-")[0]

    def training_of(self, variant: str) -> dict[str, Option | None]:
        """Fields of the training of a variant."""
        regime = variant.partition("-")[2] or next(iter(self.grid.regimes), "")
        return self.training | self.grid.regimes.get(regime, {})

    def title_of(self, variant: str) -> str:
        """What a person calls a variant."""
        legacy = self.kind_of(variant) == LEGACY
        recipe = self.data.legacy_recipe if legacy else (self.data.dataset or self.data.recipe)
        regime = variant.partition("-")[2] or next(iter(self.grid.regimes), "")
        return f"{recipe}, regime {regime}" if regime else recipe


def preset_path(name: str) -> Path:
    """Return the YAML file of a preset, to be copied and changed.

    Raises
    ------
    StudyError
        If there is no such preset.
    """
    if name not in PRESETS:
        raise StudyError(f"no preset {name!r}: {nearest(name, PRESETS)}.")
    return Path(str(files("xaigt.studies") / "presets" / f"{name}.yaml"))


def load(path: Path, changes: Mapping[str, Any] | None = None) -> Study:
    """Read a configuration and change some of its fields.

    Parameters
    ----------
    path
        A preset, a copy of one, or the ``study.yaml`` of a study.
    changes
        Values by dotted key, such as ``{"grid.seeds": [0, 1]}``; None leaves a field as it is. With another recipe,
        what the file changes in its own is left out but for the grid of pixels: it was said of other lesions. With
        other methods, so are options of methods that are no longer there.

    Raises
    ------
    XaigtError
        Naming file, line, field, and what would be right.
    """
    document = Document(path)
    data = dict(document.data)
    for key, value in (changes or {}).items():
        if value is None:
            continue
        holder = data
        *parents, last = key.split(".")
        for part in parents:
            holder[part] = dict(holder.get(part) or {})
            holder = holder[part]
        holder[last] = value
    recipe = (document.data.get("data") or {}).get("recipe", Data.model_fields["recipe"].default)
    if (changes or {}).get("data.recipe") not in (None, recipe):
        own = data["data"].get("changes") or {}
        data["data"]["changes"] = {key: value for key, value in own.items() if key.startswith("grid.")}
    if (methods := (changes or {}).get("explanation.methods")) is not None:
        options = data["explanation"].get("options") or {}
        data["explanation"]["options"] = {name: given for name, given in options.items() if name in methods}
    return validate(Study, data, document)


def as_yaml(study: Study) -> str:
    """Return the configuration with every default written out."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
