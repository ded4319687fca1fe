"""Checkpoints: safetensors files with a JSON state in their header, each written whole or not at all.

A checkpoint may name others in its folder, its parts: reading it joins them, so that what did not change since is
written once.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xaigt.dataset.files import free_text, replace
from xaigt.models.errors import ModelError

_OPTIMIZER = "optimizer."
_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_ALIGNMENT = 8


def save(path: Path, tensors: Mapping[str, Tensor], state: Any = None, parts: Sequence[str] = ()) -> None:
    """Write tensors and a state that JSON has words for.

    Parameters
    ----------
    parts
        Names of other checkpoints in the same folder that belong to this one.

    Raises
    ------
    ModelError
        If the disk is full or read-only; what was at `path` is still there.
    """
    metadata = {"state": json.dumps(state, allow_nan=False)}
    if parts:
        metadata["parts"] = json.dumps(list(parts))
    write(path, *_pieces(tensors, metadata))


def _pieces(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> list[bytes | memoryview]:
    """Header and tensors of a safetensors file, from the memory where they are: the library's writer copies twice.

    The format is that of https://huggingface.co/docs/safetensors: the length of the header as a little-endian number
    of 8 bytes, the header in JSON, the tensors without gaps.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    pieces: list[bytes | memoryview] = []
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(flat)],
        }  # fmt: skip
        pieces.append(flat.data)
        at += len(flat)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return [len(text).to_bytes(8, "little"), text, *pieces]


def write(path: Path, *content: bytes | memoryview) -> None:
    """Write a file of a run, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, *content)
    except OSError as error:
        reason = f"the disk is full ({free_text(path.parent)})" if error.errno == errno.ENOSPC else error.strerror
        raise ModelError(
            f"{path}: cannot be written: {reason}. The last good checkpoint is kept: run the same command again "
            "to go on from there."
        ) from None


def load(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Read what :func:`save` wrote: the tensors, those of its parts included, and the state.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise ModelError(f"{path}: there is no such checkpoint.")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            metadata = file.metadata() or {}
            state, parts = json.loads(metadata.get("state", "null")), json.loads(metadata.get("parts", "[]"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: damaged, not a safetensors file ({error}).") from None
    for part in parts:
        tensors |= load(path.with_name(part))[0]
    return tensors, state


def memory(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], Any]:
    """Return an optimiser's memory as tensors, and the rest of it as JSON."""
    kept = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for index, values in kept["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{index}.{name}"] = value
            else:
                plain.setdefault(str(index), {})[name] = value
    return tensors, {"groups": kept["param_groups"], "plain": plain}


def restore(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], rest: Any) -> None:
    """Put the :func:`memory` of an optimiser back."""
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in rest["plain"].items()}
    for name, tensor in tensors.items():
        if name.startswith(_OPTIMIZER):
            index, _, field = name.removeprefix(_OPTIMIZER).partition(".")
            state.setdefault(int(index), {})[field] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})


def weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's part of a checkpoint."""
    return {name: value for name, value in tensors.items() if not name.startswith(_OPTIMIZER)}
