"""Arms: how a network was initialised. One module an arm, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaigt.errors import nearest
from xaigt.models.errors import ModelError

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset
    from xaigt.models.network import Network
    from xaigt.models.settings import Settings

ARMS = {
    "scratch": "random weights",
    "brain": "pre-trained on the anatomy of other subjects of the same generator, without lesions",
    "fractal": "pre-trained on images made by formulas (iterated function systems)",
    "labelled": "pre-trained on a column of a BIDS participants.tsv of your own",
    "imagenet": "timm's ImageNet weights, 2-D (a download, or a folder of weights)",
    "medicalnet": "MedicalNet's weights, 3-D ResNets (a download, or a folder of weights)",
}
DOWNLOADS = ("imagenet", "medicalnet")
"""Arms whose weights are not made here; a grid of arms leaves them out unless it is told to use them."""


@dataclass(frozen=True)
class Context:
    """What an arm may know of the network it starts.

    Attributes
    ----------
    settings
        Of the training that follows.
    dataset
        That the training will use.
    outputs, size
        Logits and spatial shape of the network.
    weights
        Folder of published weights, looked into before anything is downloaded.
    download
        Whether an arm may download.
    """

    settings: Settings
    dataset: Dataset
    outputs: int
    size: tuple[int, ...]
    weights: Path | None = None
    download: bool = False
    device: str = "cpu"
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True)
class Start:
    """An initialised network.

    Attributes
    ----------
    network
        Ready to train.
    random
        Whether its stages are random: frozen ones are calibrated then.
    pretrain_id
        Names the pre-training run, replicate included; "" for none.
    record
        What a reader of the run wants to know of the arm.
    """

    network: Network
    random: bool = False
    pretrain_id: str = ""
    record: dict[str, Any] = field(default_factory=dict)


def start(context: Context) -> Start:
    """Initialise a network as its arm says.

    Raises
    ------
    ModelError
        If there is no such arm, or it cannot be had here. No arm is ever replaced by another.
    """
    name = context.settings.arm
    if name not in ARMS:
        raise ModelError(f"no arm {name!r}: {nearest(name, ARMS)}.")
    begin: Callable[[Context], Start] = importlib.import_module(f"xaigt.models.arms.{name}").start
    return begin(context)


def fresh(context: Context) -> Network:
    """Network with random weights of the run's seed: also the head of every other arm."""
    from xaigt.models.registry import create
    from xaigt.randomness import stream, subseed

    settings = context.settings
    seed = subseed(stream(settings.seed, 0, "weights"))
    return create(settings.network, dim=len(context.size), outputs=context.outputs, size=context.size, seed=seed)


def options(context: Context, defaults: dict[str, Any]) -> dict[str, Any]:
    """Options of the arm: defaults, overridden by those given. Numbers are counts: 1 or more.

    Raises
    ------
    ModelError
        For an option that the arm does not have, or a value of another kind.
    """
    result = dict(defaults)
    for name, value in context.settings.arm_options.items():
        if name not in defaults:
            raise ModelError(f"arm {context.settings.arm} has no option {name!r}: {nearest(name, defaults)}.")
        kind = type(defaults[name])
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise ModelError(f"arm option {name}={value!r}: must be of type {kind.__name__}.")
        if kind is int and int(value) < 1:
            raise ModelError(f"arm option {name}={value!r}: must be 1 or more.")
        result[name] = value
    return result
