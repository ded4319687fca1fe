"""What decides a training: every field enters the identity of the run."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from xaigt.models.errors import ModelError
from xaigt.schema import Strict


def _depth(value: Any) -> Any:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"{value!r} must be a number of stages, counted from the head (0: the head alone), or all")


Depth = Annotated[int | Literal["all"], BeforeValidator(_depth)]
Positive = Annotated[int, Field(ge=1)]


class Settings(Strict):
    """Settings of one network's training.

    Attributes
    ----------
    network, arm, depth, seed
        Which cell of a study this is: the seed draws the weights, the order of samples and dropout.
    pretrain_seed
        Which replicate of the arm's pre-training is used.
    arm_options
        Settings of the arm itself, such as ``column`` and ``data`` of the arm ``labelled``.
    schedule
        ``"0:10,all:20"``: ten epochs of the head, then twenty of everything. It overrides depth and epochs.
    head
        ``one-logit`` (two classes), ``k-logit`` (softmax) or ``multi-label`` (a sigmoid a label).
    labels
        Columns of the table of samples, or lesion families (present or not). Several make a multi-label task.
    regime
        ``best``: the epoch of the lowest validation loss is kept. ``same``: training stops at the first epoch whose
        validation accuracy reaches `target_accuracy`; a network that never does is recorded as unmatched.
    patience
        Epochs without a lower validation loss after which the last phase ends; 0: never.
    images
        Array of the dataset that the network sees; ``twin`` is the control without any evidence.
    window
        Values (low, high) that are mapped to 0..1, in the units of the images; what is beyond is clipped. None: those
        of the modality (``xaigt.models.inputs.WINDOWS``), or the 1st to 99th percentile of the train split.
    augment
        Mirrors left and right, and rotates, scales and shifts a little. It rules out caching a frozen prefix.
    precision
        ``auto``: bfloat16 on a GPU, float32 on a CPU.
    cache_bytes
        Memory for images and features of a frozen prefix; what is more goes to a memory map in the run's folder.
    """

    network: str = "resnet18"
    arm: str = "scratch"
    depth: Depth = "all"
    seed: Annotated[int, Field(ge=0)] = 0
    pretrain_seed: Annotated[int, Field(ge=0)] = 0
    arm_options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    schedule: str = ""
    batchnorm: Literal["frozen", "adaptive"] = "frozen"
    head: Literal["one-logit", "k-logit", "multi-label"] = "one-logit"
    labels: tuple[str, ...] = ("label",)
    epochs: Positive = 20
    batch_size: Positive = 32
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    annealing: Literal["cosine", "constant"] = "cosine"
    class_weights: bool = False
    regime: Literal["best", "same"] = "best"
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    patience: Annotated[int, Field(ge=0)] = 0
    images: Literal["image", "twin"] = "image"
    window: tuple[float, float] | None = None
    augment: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    keep_epochs: bool = False
    cache_bytes: Positive = 2 * 10**9

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if (self.regime == "same") != (self.target_accuracy is not None):
            raise ValueError("target_accuracy goes with the regime same, and only with it")
        if self.window is not None and not -math.inf < self.window[0] < self.window[1] < math.inf:
            raise ValueError("window must be two finite numbers, the lower one first")
        if self.head == "multi-label" and len(set(self.labels)) < 2:
            raise ValueError("a multi-label head needs two labels or more")
        if self.head != "multi-label" and len(self.labels) != 1:
            raise ValueError(f"head {self.head} takes one label; several need head multi-label")
        self.phases()
        return self

    def phases(self) -> list[tuple[int | str, int]]:
        """(depth, epochs) of each phase."""
        if not self.schedule:
            return [(self.depth, self.epochs)]
        result: list[tuple[int | str, int]] = []
        for part in self.schedule.split(","):
            depth, colon, epochs = part.strip().partition(":")
            if not colon or not epochs.isdigit() or int(epochs) < 1 or not (depth == "all" or depth.isdigit()):
                raise ValueError(f"schedule part {part!r} must be depth:epochs, such as 0:10 or all:20")
            result.append((depth if depth == "all" else int(depth), int(epochs)))
        return result

    @property
    def total_epochs(self) -> int:
        """Epochs of all phases."""
        return sum(epochs for _, epochs in self.phases())


def identity(content: object) -> str:
    """Twelve hexadecimal digits that name a configuration."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def precision_of(settings: Settings, device: str) -> str:
    """Arithmetic of a run: what ``auto`` means on a device."""
    if settings.precision != "auto":
        if settings.precision == "bfloat16" and not device.startswith("cuda"):
            raise ModelError("precision bfloat16 helps on a GPU only: use --device cuda, or float32.")
        return settings.precision
    return "bfloat16" if device.startswith("cuda") else "float32"
