"""Published weights: found in a folder or downloaded, their sha256 recorded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from xaigt import cache
from xaigt.dataset.files import read_json, sha256, write_json
from xaigt.models.errors import ModelError

SUFFIXES = (".safetensors", ".pth", ".bin")


@dataclass(frozen=True)
class Published:
    """Where weights are published, on the Hugging Face hub.

    Attributes
    ----------
    name
        File name without suffix in a folder of weights.
    repository, filename
        On the hub.
    """

    name: str
    repository: str
    filename: str


@dataclass(frozen=True)
class Found:
    """Weights on this machine."""

    path: Path
    sha256: str
    source: str


def find(wanted: Published, folder: Path | None, download: bool) -> Found:
    """Find weights: in the user's folder, in the cache, or, if allowed, on the hub.

    The sha256 of a download must be the one that the hub names for the file, and a cached file must have it still.

    Raises
    ------
    ModelError
        If they are nowhere, with what to do; or if a checksum is wrong.
    """
    if folder is not None:
        for suffix in SUFFIXES:
            if (path := folder / f"{wanted.name}{suffix}").is_file():
                return Found(path, sha256(path), "folder")
    home = cache.folder() / "weights"
    path, record = home / f"{wanted.name}{Path(wanted.filename).suffix}", home / f"{wanted.name}.json"
    if record.exists() and path.exists():
        found, known = sha256(path), read_json(record)["sha256"]
        if found != known:
            raise ModelError(f"{path}: its sha256 is {found}, but {known} was downloaded; remove it.")
        return Found(path, found, wanted.repository)
    if not download:
        where = folder if folder is not None else "FOLDER"
        raise ModelError(
            f"the weights {wanted.name} are not here. Either add --download (from {wanted.repository} on the Hugging "
            f"Face hub), or put {wanted.filename} into a folder as {wanted.name}{Path(wanted.filename).suffix} and "
            f"give --weights {where}."
        )
    with cache.locked(path):
        return _download(wanted, path, record)


def _download(wanted: Published, path: Path, record: Path) -> Found:
    import huggingface_hub

    try:
        url = huggingface_hub.hf_hub_url(wanted.repository, wanted.filename)
        expected = str(huggingface_hub.get_hf_file_metadata(url).etag)
        got = Path(huggingface_hub.hf_hub_download(wanted.repository, wanted.filename, cache_dir=path.parent / "hub"))
    except Exception as error:  # the client raises many kinds: no network, no such file, a proxy
        reason = (str(error).splitlines() or [""])[0][:200]
        raise ModelError(
            f"{wanted.filename} of {wanted.repository} cannot be downloaded ({type(error).__name__}: {reason}). "
            f"Download it elsewhere, and give its folder as --weights."
        ) from None
    found = sha256(got)
    if len(expected) == 64 and found != expected:  # files of 64 digits are stored by their sha256 on the hub
        raise ModelError(f"{wanted.filename}: the download's sha256 is {found}, the hub names {expected}; try again.")
    with cache.whole(path) as temporary:
        temporary.write_bytes(got.read_bytes())
    write_json(record, {"sha256": found, "repository": wanted.repository, "filename": wanted.filename})
    return Found(path, found, wanted.repository)


def read(found: Found) -> dict[str, Tensor]:
    """Tensors of a file of weights, whatever its format; pickles are read without running their code."""
    try:
        if found.path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(found.path)
        content = torch.load(found.path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files fail in many ways
        reason = (str(error).splitlines() or [""])[0][:200]
        raise ModelError(f"{found.path}: cannot be read as weights ({type(error).__name__}: {reason}).") from None
    content = content.get("state_dict", content)
    return {name.removeprefix("module."): value for name, value in content.items() if isinstance(value, Tensor)}


def fit_channels(kernel: Tensor, channels: int) -> Tensor:
    """First convolution ``[O, C, ...]`` for another number of input channels, with nothing that it learnt lost.

    One channel: the kernels are summed over the channels they had, which is exactly the response to an image given
    equally to all of them. More: each gets the mean kernel times C over the new number, so that equal channels give
    that response again.
    """
    if kernel.shape[1] == channels:
        return kernel
    return (kernel.sum(1, keepdim=True) / channels).repeat(1, channels, *([1] * (kernel.ndim - 2)))
