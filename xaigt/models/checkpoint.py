"""Checkpoints: one safetensors file, tensors and a JSON state in its header, written whole or not at all."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xaigt.dataset.files import free_text, replace
from xaigt.models.errors import ModelError

_WEIGHTS, _OPTIMIZER = "network.", "optimizer."


def save(path: Path, tensors: Mapping[str, Tensor], state: Any = None) -> None:
    """Write tensors and a state that JSON has words for.

    Raises
    ------
    ModelError
        If the disk is full or read-only; what was at `path` is still there.
    """
    from safetensors.torch import save as to_bytes

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = to_bytes(whole, {"state": json.dumps(state, allow_nan=False)})
    write(path, content)


def write(path: Path, content: bytes) -> None:
    """Write a file of a run, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, content)
    except OSError as error:
        reason = f"the disk is full ({free_text(path.parent)})" if error.errno == errno.ENOSPC else error.strerror
        raise ModelError(
            f"{path}: cannot be written: {reason}. The last good checkpoint is kept: run the same command again "
            "to go on from there."
        ) from None


def load(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Read what :func:`save` wrote.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise ModelError(f"{path}: there is no such checkpoint.")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            state = json.loads((file.metadata() or {}).get("state", "null"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: damaged, not a safetensors file ({error}).") from None
    return tensors, state


def snapshot(network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], Any]:
    """Weights, statistics and the optimiser's memory as tensors, and the rest of the optimiser as JSON."""
    tensors = {_WEIGHTS + name: tensor for name, tensor in network.state_dict().items()}
    kept = optimizer.state_dict()
    plain: dict[str, dict[str, Any]] = {}
    for index, memory in kept["state"].items():
        for name, value in memory.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{index}.{name}"] = value
            else:
                plain.setdefault(str(index), {})[name] = value
    return tensors, {"groups": kept["param_groups"], "plain": plain}


def restore(network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], rest: Any) -> None:
    """Put a :func:`snapshot` back."""
    network.load_state_dict(weights(tensors))
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in rest["plain"].items()}
    for name, tensor in tensors.items():
        if name.startswith(_OPTIMIZER):
            index, _, field = name.removeprefix(_OPTIMIZER).partition(".")
            state.setdefault(int(index), {})[field] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})


def weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's part of a checkpoint."""
    return {name.removeprefix(_WEIGHTS): value for name, value in tensors.items() if name.startswith(_WEIGHTS)}
