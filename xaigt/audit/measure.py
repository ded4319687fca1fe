"""One pass over the arrays of a dataset: what masks say of each sample, and whether arrays and tables agree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xaigt.audit.problems import Problems
from xaigt.audit.truth import check_sample
from xaigt.dataset.reading import Dataset
from xaigt.shape import boundary

if TYPE_CHECKING:
    import pandas

THUMBNAIL = {2: 32, 3: 12}
SHAPE_VOXELS = 25
"""A mask of fewer voxels is like many others by chance: it is not compared."""
_DEPTH_VOXELS = 2**18
Progress = Callable[[int, int], None]


@dataclass
class Measured:
    """What the pass found.

    Attributes
    ----------
    masks
        A row a sample, in voxels, mm and image units: area and mass of the truth, altered area, area inside the skull
        and of all else that is planted, perimeter or surface of its lesions, and how deep they lie (means over a
        sample's lesions; for the task count, where a mean varies less the more there are, those of the first).
    shapes
        (sample, instance, key): lesions whose masks are congruent up to translation have one key.
    thumbnails
        ``[sample, 2, pixels]``: coarse image and twin.
    boxes
        For each sample the centres of the boxes of its lesions, in voxels.
    recorded
        For each sample the voxels (indices) of the recorded lesions, oedema and displaced tissue.
    problems
        Where arrays and tables disagree.
    """

    masks: dict[str, list[float]] = field(default_factory=dict)
    shapes: list[tuple[int, int, str]] = field(default_factory=list)
    thumbnails: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2, 1), np.float32))
    boxes: list[npt.NDArray[np.float64]] = field(default_factory=list)
    recorded: list[npt.NDArray[np.int64]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)


def measure(dataset: Dataset, progress: Progress | None = None) -> Measured:
    """Read every sample once.

    Raises
    ------
    DatasetError
        If an array cannot be read, or is not what its checksum says.
    """
    found = Measured()
    numbers = ("area", "mass", "altered", "head", "other", "border", "depth", "least_depth")
    masks: dict[str, list[float]] = {name: [] for name in numbers}
    thumbnails = []
    rows = _lesion_rows(dataset)
    bits = dataset.description["altered_bits"]
    kept = bits["lesion"] | bits["oedema"] | bits["displaced"]
    spacing = [float(step) for step in dataset.description["spacing_mm"][-dataset.dim :]]
    has_other = "other" in dataset.description["arrays"]
    asked = slice(1) if dataset.description["task"] == "count" else slice(None)
    samples: list[dict[str, Any]] = dataset.samples.to_dict("records")
    for done, row in enumerate(samples, start=1):
        number = int(row["sample"])
        names = ["image", "twin", "lesion", "altered", "support", *(["other"] if has_other else [])]
        arrays = {name: dataset.read(name, number) for name in names}
        check_sample(row, rows.get(number, []), arrays, dataset, found.problems)
        lesion = arrays["lesion"]
        truth = lesion > 0
        masks["area"].append(float(truth.sum()))
        masks["mass"].append(float((arrays["image"].astype(np.int32) - arrays["twin"])[truth].sum()))
        masks["altered"].append(float((arrays["altered"] > 0).sum()))
        masks["head"].append(float((arrays["support"] > 0).sum()))
        masks["other"].append(float((arrays["other"] > 0).sum()) if has_other else 0.0)
        found.recorded.append(np.argwhere(truth | ((arrays["altered"] & kept) > 0)))
        boxes, borders = _forms(lesion, spacing, number, found.shapes)
        found.boxes.append(boxes)
        depths = _depths(arrays["support"] > 0, boxes, spacing)
        masks["border"].append(float(np.mean(borders[asked])) if borders else np.nan)
        masks["depth"].append(float(depths[asked].mean()) if len(depths) else np.nan)
        masks["least_depth"].append(float(depths[asked].min()) if len(depths) else np.nan)
        thumbnails.append([_thumbnail(arrays[name], THUMBNAIL[dataset.dim]) for name in ("image", "twin")])
        if progress is not None:
            progress(done, len(dataset))
    found.masks, found.thumbnails = masks, np.asarray(thumbnails, np.float32)
    return found


def _lesion_rows(dataset: Dataset) -> dict[int, list[dict[str, Any]]]:
    table: pandas.DataFrame = dataset.lesions
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        rows.setdefault(int(row["sample"]), []).append(row)
    return rows


def _forms(
    lesion: npt.NDArray[np.uint8], spacing: list[float], number: int, shapes: list[tuple[int, int, str]]
) -> tuple[npt.NDArray[np.float64], list[float]]:
    """Centres of the boxes of the instances, and their perimeters or surfaces; each form is added to `shapes`."""
    from scipy import ndimage

    centres, borders = [], []
    for instance, box in enumerate(ndimage.find_objects(lesion.astype(np.int32)), start=1):
        if box is None:
            continue
        centres.append([(part.start + part.stop - 1) / 2 for part in box])
        form = lesion[box] == instance
        borders.append(boundary(form, spacing))
        if form.sum() >= SHAPE_VOXELS:
            digest = hashlib.sha256(str(form.shape).encode() + np.packbits(form).tobytes()).hexdigest()[:16]
            shapes.append((number, instance, digest))
    return np.asarray(centres, np.float64).reshape(-1, lesion.ndim), borders


def _depths(
    inside: npt.NDArray[np.bool_], centres: npt.NDArray[np.float64], spacing: list[float]
) -> npt.NDArray[np.float64]:
    """Distance (mm) of places to the border of the support; of large volumes every second or further voxel is read."""
    from scipy import ndimage

    if not len(centres):
        return np.zeros(0)
    step = max(1, round((inside.size / _DEPTH_VOXELS) ** (1 / inside.ndim)))
    part = np.pad(inside[(slice(None, None, step),) * inside.ndim], 1)
    distance = ndimage.distance_transform_edt(part, sampling=[size * step for size in spacing])
    index = np.minimum(np.round(centres / step).astype(int) + 1, np.array(part.shape) - 1)
    return np.asarray(distance[tuple(index.T)], float)


def _thumbnail(array: npt.NDArray[np.int16], size: int) -> npt.NDArray[np.float32]:
    """Mean over about `size` blocks along each axis."""
    small = array.astype(np.float32)
    for axis, length in enumerate(array.shape):
        edges = np.unique(np.linspace(0, length, min(size, length), endpoint=False).astype(np.intp))
        counts = np.diff([*edges, length]).astype(np.float32)
        shape = [1] * array.ndim
        shape[axis] = -1
        small = np.asarray(np.add.reduceat(small, edges, axis) / counts.reshape(shape), np.float32)
    return small.ravel()
