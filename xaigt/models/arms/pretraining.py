"""Pre-training on a task of its own, cached by configuration and replicated by seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from torch import nn

from xaigt import cache
from xaigt.dataset.files import read_json
from xaigt.models import checkpoint
from xaigt.models.arms import Context, Start, fresh
from xaigt.models.inputs import Images
from xaigt.models.keeping import discard
from xaigt.models.loop import Trainer
from xaigt.models.registry import create
from xaigt.models.settings import Settings, identity
from xaigt.randomness import stream, subseed

VERSION = 1  # raise it when the same configuration gives other weights
STAGES, RECORD = "stages.safetensors", "record.json"

Head = Literal["one-logit", "k-logit"]
MakeImages = Callable[[Path, int, Settings], dict[str, Images]]
"""(folder for files, seed of the data, settings) -> the splits ``train`` and ``val``, scaled."""


def pretrained(
    context: Context, config: dict[str, Any], make: MakeImages, *, outputs: int, epochs: int, head: Head
) -> Start:
    """Network whose stages were trained on another task; its head is new.

    Parameters
    ----------
    context
        The network and its training.
    config
        What decides the images and labels of the task, as plain data.
    make
        Makes them; called only if the result is not in the cache.
    outputs, epochs, head
        Logits, epochs and head of the pre-training.
    """
    settings = Settings(
        network=context.settings.network, seed=context.settings.pretrain_seed, epochs=epochs,
        head=head, patience=max(epochs // 4, 3),
    )  # fmt: skip
    described = {
        "version": VERSION, "arm": context.settings.arm, "size": list(context.size), **config,
        "training": settings.model_dump(mode="json"),
    }  # fmt: skip
    pretrain_id = f"{context.settings.arm}-{identity(described)}-{settings.seed}"
    folder = cache.folder() / "pretraining" / pretrain_id
    with cache.locked(folder):
        if not (folder / RECORD).exists():
            folder.mkdir(parents=True, exist_ok=True)
            _train(context, settings, described, make, outputs, folder)
    network = fresh(context)
    network.body.load_state_dict(checkpoint.load(folder / STAGES)[0])
    return Start(network, pretrain_id=pretrain_id, record=read_json(folder / RECORD))


def _train(
    context: Context, settings: Settings, described: dict[str, Any], make: MakeImages, outputs: int, folder: Path
) -> None:
    import json

    splits = make(folder, subseed(stream(settings.seed, 0, "pretraining data")) % 2**31, settings)
    seed = subseed(stream(settings.seed, 0, "pretraining weights"))
    network = create(settings.network, dim=len(context.size), outputs=outputs, size=context.size, seed=seed)
    fit = Trainer(network, splits, settings, folder, device=context.device).run(context.progress)
    checkpoint.save(folder / STAGES, stages_of(network))
    reached = fit.history[fit.best_epoch - 1]
    record = {
        **described,
        "pretrain_seed": settings.seed,
        "samples": {name: len(images) for name, images in splits.items()},
        "best_epoch": fit.best_epoch,
        "val_accuracy": reached["val_accuracy"],
        "val_auc": None if reached["val_auc"] != reached["val_auc"] else reached["val_auc"],
    }
    checkpoint.write(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False).encode())
    discard(folder)


def stages_of(network: nn.Module) -> dict[str, Any]:
    """Weights and statistics of the stages, without the head."""
    state = network.state_dict()
    return {name.removeprefix("body."): value for name, value in state.items() if name.startswith("body.")}
