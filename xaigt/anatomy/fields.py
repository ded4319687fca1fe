"""Fields of a template: what a sample reads at every point, computed once and kept in the cache.

A field is a function of position in template space, stored on a regular lattice. The channels are

========== ==============================================================================================
grey       fraction of grey matter (0..1)
white      fraction of white matter
csf        fraction of cerebrospinal fluid
bone       Hounsfield units of bone, weighted by its fraction
soft       Hounsfield units of everything else (dura, scalp, air), weighted by its fraction
depth      signed distance to the inner table in mm, positive inside
parenchyma signed distance to the border of the parenchyma in mm, positive inside
ventricles signed distance to the walls of the ventricles in mm, positive inside
========== ==============================================================================================

Thick voxels average: a box filter of the voxel's extent is applied to the fields beforehand, along the axes of
the template. For a tilted head that is an approximation: at 10 degrees a 5 mm slice is averaged along a
direction that is off by at most 0.9 mm at its faces.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from xaigt import cache
from xaigt.anatomy.cards import TemplateCard, TemplateError, card_text
from xaigt.anatomy.geometry import Array, Lattice, together
from xaigt.compiled.points import nearest_voxels
from xaigt.errors import nearest
from xaigt.sampling import Probe, Sampler

CHANNELS = ("grey", "white", "csf", "bone", "soft", "depth", "parenchyma", "ventricles")
TISSUES = 5  # the first channels; the others are distances
AIR = 0.01  # values and fractions as close as this to those of air are air
NEAR_MM = 7.0  # how far beyond the head its surroundings reach
VERSION = 9  # of the code that computes fields: raise it when any field changes
_PAGE = 4096  # bytes of a memory page, or a part of one
PUSH_STEP = 4  # voxels: ventricle enlargement is smooth and stored coarsely

_BUILDERS = {
    "mni152-ct": "xaigt.anatomy.mni152:build",
    "mni152-mr": "xaigt.anatomy.mni152_mr:build",
    "image": "xaigt.anatomy.image:build",
}


@dataclass(frozen=True)
class FieldArrays:
    """What a builder computes; the parts are those of :class:`Fields`, `push` still at full resolution."""

    data: Array
    lattice: Lattice
    push: Array
    centre: tuple[float, float, float]
    levels: tuple[float, float, float] | None = None
    to_file: tuple[tuple[float, ...], ...] | None = None
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Fields:
    """The fields of one template, averaged over one voxel size.

    Parameters
    ----------
    template
        Name of the template.
    key
        Identifies the data, the code and the averaging: enters checksums and cache names.
    data
        ``[C, z, y, x]`` float32 in the order of :data:`CHANNELS`; a read-only memory map where the cache allows, in
        which the channels are innermost: a point is read from few places.
    lattice
        Where the voxels of `data` lie.
    push, push_lattice
        Displacement (mm, ``[3, z, y, x]``) that widens the ventricles, and where its voxels lie.
    centre
        RAS position (x, y, z) of the middle of the head in mm.
    levels
        Values of grey matter, white matter and fluid with which the channels give back the template's own image;
        None for templates whose contrast is wholly computed (CT in HU).
    to_file
        4 x 4, from template space (x, y, z) to RAS mm of the template's file; None: they are the same.
    scale
        (x, y, z): a position of template space times this is the corresponding position of MNI space.
    """

    template: str
    key: str
    data: Array
    lattice: Lattice
    push: Array
    push_lattice: Lattice
    centre: tuple[float, float, float]
    levels: tuple[float, float, float] | None = None
    to_file: tuple[tuple[float, ...], ...] | None = None
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    near: npt.NDArray[np.bool_] | None = None
    _card: str = field(default="", repr=False)
    _samplers: dict[torch.device, Sampler] = field(default_factory=dict, repr=False)

    def averaged(self, voxel: tuple[float, float, float]) -> Fields:
        """Return the same fields averaged over voxels of another (z, y, x) extent in mm; the card is not looked up."""
        return _load(self._card, _rounded(voxel))

    def sampler(self, device: torch.device) -> Sampler:
        """Read the channels at points of template space; the copy on a device is made once."""
        if device not in self._samplers:
            _touch(self.data)
            self._samplers[device] = Sampler(self.data, self.lattice.origin, self.lattice.spacing, device)
        return self._samplers[device]

    @cached_property
    def probe(self) -> Probe:
        """Read the channels at a few points of template space."""
        return Probe(self.data, self.lattice.origin, self.lattice.spacing)

    def is_near(self, points: torch.Tensor) -> torch.Tensor:
        """Whether points ``[3, ...]`` (z, y, x; mm) lie near the head, or may; see `near`."""
        if self.near is None:
            return torch.ones(points.shape[1:], dtype=torch.bool, device=points.device)
        spacing, origin = self.lattice.spacing, self.lattice.origin
        # Of `near`, whose voxels are twice as large and begin before those of the lattice.
        first = tuple(start - _reach(self.lattice) * spacing for start in origin)
        places, found = points.reshape(3, -1).cpu().contiguous().numpy(), np.empty(points[0].numel(), bool)
        nearest_voxels(self.near, first, 2 * spacing, places, found)
        return torch.from_numpy(found).reshape(points.shape[1:]).to(points.device)


def _touch(data: Array) -> None:
    """Have all of a memory map read now: the memory in use is then the same for few samples and for many."""
    if isinstance(data, np.memmap):
        data.transpose(1, 2, 3, 0).reshape(-1)[:: _PAGE // data.itemsize].max()


def load_fields(name: str, voxel: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Fields:
    """Fields of a template, from the cache or computed now.

    Parameters
    ----------
    name
        A template of the catalogue.
    voxel
        (z, y, x) extent in mm that a sample's voxel averages.
    """
    return _load(card_text(name), _rounded(voxel))


def _rounded(voxel: tuple[float, float, float]) -> tuple[float, ...]:
    return tuple(round(extent, 3) for extent in voxel)


@lru_cache(maxsize=8)
def _load(card_json: str, voxel: tuple[float, ...]) -> Fields:
    card = TemplateCard.model_validate_json(card_json)
    key = hashlib.sha256(f"{VERSION}:{card_json}".encode()).hexdigest()[:16]
    try:
        arrays, data, near = _cached(card, voxel, cache.folder() / "fields" / f"{card.name}-{key}")
    except OSError:  # a cache that is read-only or full is no reason to stop
        arrays = _build(card)
        data = _average(arrays.data, arrays.lattice, voxel)
        near = _near(data, arrays.lattice)
    coarse = arrays.lattice.coarse(PUSH_STEP)
    return Fields(
        card.name, key, data, arrays.lattice, arrays.push, coarse, arrays.centre, arrays.levels, arrays.to_file,
        arrays.scale, near, card_json,
    )  # fmt: skip


def _near(data: Array, lattice: Lattice) -> npt.NDArray[np.bool_]:
    """See :class:`Fields`."""
    tissue = np.zeros(data.shape[1:], bool)
    for plane in range(len(tissue)):  # of a memory map: not all at once
        # Averaging rounds: air is not the same to the last bit.
        tissue[plane] = (np.abs(data[:TISSUES, plane] - data[:TISSUES, :1, 0, 0, None]) > AIR).any(0)
    reach = _reach(lattice)
    beyond = np.pad(tissue, reach, mode="edge")  # as fields are read beyond their lattice
    return np.ascontiguousarray(ndimage.maximum_filter(beyond, 2 * reach + 1, mode="nearest")[::2, ::2, ::2])


def _reach(lattice: Lattice) -> int:
    """Voxels beyond the lattice that `near` goes on for."""
    return int(np.ceil(NEAR_MM / lattice.spacing)) + 1


def _cached(
    card: TemplateCard, voxel: tuple[float, ...], folder: Path
) -> tuple[FieldArrays, Array, npt.NDArray[np.bool_]]:
    """Fields and their averages, read from the cache; what is missing is computed and saved first."""
    averaged = folder / f"fields-{'x'.join(f'{extent:g}' for extent in voxel)}.npy"
    if not (folder / "fields.json").exists():
        with cache.locked(folder / "fields"):
            if not (folder / "fields.json").exists():
                _save(folder, _build(card))
    arrays = _open(folder)
    data = arrays.data
    if _kernels(arrays.lattice, voxel):
        if not averaged.exists():
            with cache.locked(folder / "fields"):
                if not averaged.exists():
                    _save_array(averaged, _average(arrays.data, arrays.lattice, voxel))
        data = _load_array(averaged)
    surroundings = folder / averaged.name.replace("fields", "near")
    if not surroundings.exists():
        with cache.locked(folder / "fields"):
            if not surroundings.exists():
                near = _near(data, arrays.lattice)
                with cache.whole(surroundings) as temporary, temporary.open("wb") as file:
                    np.save(file, near)
    return arrays, data, np.load(surroundings)


def _build(card: TemplateCard) -> FieldArrays:
    try:
        module, function = _BUILDERS[card.builder].split(":")
    except KeyError:
        raise TemplateError(
            f"template {card.name}: unknown builder {card.builder!r}: {nearest(card.builder, _BUILDERS)}."
        ) from None
    arrays: FieldArrays = getattr(importlib.import_module(module), function)(card)
    # One plane beyond the last in each direction, as Lattice.coarse() counts.
    push = np.pad(arrays.push, [(0, 0)] + [(0, PUSH_STEP)] * 3, mode="edge")
    coarse = arrays.lattice.coarse(PUSH_STEP).shape
    z, y, x = (slice(0, count * PUSH_STEP, PUSH_STEP) for count in coarse)
    return replace(arrays, push=np.ascontiguousarray(push[:, z, y, x]))


def _kernels(lattice: Lattice, voxel: tuple[float, ...]) -> list[tuple[int, Array]]:
    """Box filters (axis, weights) for the extents that are wider than the lattice's voxels."""
    result = []
    for axis, extent in enumerate(voxel):
        taps = extent / lattice.spacing
        if taps <= 1.0:
            continue
        reach = int(np.ceil((taps - 1) / 2))
        edges = np.clip(taps / 2 - np.abs(np.arange(-reach, reach + 1)) + 0.5, 0, 1)
        result.append((axis, (edges / edges.sum()).astype(np.float32)))
    return result


def _average(data: Array, lattice: Lattice, voxel: tuple[float, ...]) -> Array:
    kernels = _kernels(lattice, voxel)

    def averaged(channel: Array) -> Array:
        for axis, kernel in kernels:
            channel = ndimage.correlate1d(channel, kernel, axis=axis, mode="nearest")
        return channel

    return np.stack(together(*(partial(averaged, np.ascontiguousarray(channel)) for channel in data)))


def _save(folder: Path, arrays: FieldArrays) -> None:
    _save_array(folder / "fields.npy", arrays.data)
    _save_array(folder / "push.npy", arrays.push)
    described = {
        "shape": arrays.lattice.shape,
        "origin": arrays.lattice.origin,
        "spacing": arrays.lattice.spacing,
        "centre": arrays.centre,
        "levels": arrays.levels,
        "to_file": arrays.to_file,
        "scale": arrays.scale,
    }
    with cache.whole(folder / "fields.json") as temporary:  # last: its presence says that the rest is there
        temporary.write_text(json.dumps(described), encoding="utf-8")


def _save_array(path: Path, array: Array) -> None:
    """Write ``[C, z, y, x]`` with its channels innermost."""
    with cache.whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(np.moveaxis(array, 0, -1)))


def _load_array(path: Path) -> Array:
    return np.moveaxis(np.load(path, mmap_mode="r"), -1, 0)


def _open(folder: Path) -> FieldArrays:
    described = json.loads((folder / "fields.json").read_text(encoding="utf-8"))
    lattice = Lattice(tuple(described["shape"]), tuple(described["origin"]), described["spacing"])
    data = _load_array(folder / "fields.npy")
    levels, to_file = described["levels"], described["to_file"]
    return FieldArrays(
        data,
        lattice,
        np.array(_load_array(folder / "push.npy")),
        tuple(described["centre"]),
        tuple(levels) if levels else None,
        tuple(tuple(row) for row in to_file) if to_file else None,
        tuple(described["scale"]),
    )
