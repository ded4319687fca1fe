"""Images and labels of a split, read once and handed out in batches."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xaigt.errors import nearest
from xaigt.models.errors import ModelError
from xaigt.models.heads import check_classes

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset
    from xaigt.models.settings import Settings

WINDOWS = {"CT": (0.0, 200.0)}
"""Values mapped to 0..1, by modality, if settings have none; others: the 1st to 99th percentile of the train split.

In HU. Above the brain window, which ends at 80: there dense blood is as white as bone, and quick networks learnt less
(docs/performance/models.md).
"""


@dataclass(frozen=True)
class Scaling:
    """How stored values become a network's input: clip to [low, high], map to 0..1, subtract mean, divide by sd."""

    low: float
    high: float
    mean: float
    sd: float

    def __call__(self, pixels: Tensor) -> Tensor:
        unit = ((pixels.float() - self.low) / (self.high - self.low)).clamp_(0, 1)
        return unit.sub_(self.mean).div_(self.sd)

    @property
    def background(self) -> float:
        """Input value of whatever is at or below `low`."""
        return (0.0 - self.mean) / self.sd


@dataclass
class Images:
    """Images of one split with their targets.

    Attributes
    ----------
    pixels
        ``[N, *shape]`` in the units of the modality.
    targets
        ``[N]`` int64 (classes), or ``[N, K]`` float32 (multi-label).
    numbers
        ``[N]``, number of each sample in its dataset.
    """

    pixels: npt.NDArray[Any]
    targets: Tensor
    numbers: npt.NDArray[np.int64]
    split: str
    scaling: Scaling = field(default_factory=lambda: Scaling(0.0, 1.0, 0.0, 1.0))

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, positions: npt.NDArray[np.int64] | slice, device: torch.device | None = None) -> Tensor:
        """Inputs ``[B, 1, *shape]`` at some positions."""
        pixels = torch.from_numpy(np.ascontiguousarray(self.pixels[positions]))
        return self.scaling(pixels.to(device) if device is not None else pixels)[:, None]


def storage(shape: tuple[int, ...], dtype: Any, limit: int, folder: Path) -> npt.NDArray[Any]:
    """Empty array in memory, or, if it is larger than `limit` bytes, a memory map that vanishes with its last use."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if count <= limit:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(count)
        return np.memmap(file, dtype, "r+", shape=shape)


def read_split(dataset: Dataset, split: str, settings: Settings, folder: Path) -> Images:
    """Read images and targets of one split.

    Raises
    ------
    ModelError
        If the split is empty or a label is not what the head needs.
    """
    part = _part(dataset, split)
    shape = tuple(dataset.description["shape"])
    pixels = storage((len(part), *shape), "int16", settings.cache_bytes // 2, folder)
    numbers = part.samples["sample"].to_numpy(np.int64)
    for position, number in enumerate(numbers):
        pixels[position] = dataset.read(settings.images, int(number))
    return Images(pixels, read_targets(part, settings), numbers, split)


def _part(dataset: Dataset, split: str) -> Dataset:
    part = dataset.split(split)
    if not len(part):
        raise ModelError(
            f"{dataset.path}: the split {split!r} has no samples; make more (xaigt generate -n), or give {split} a "
            "larger share of them (--splits)."
        )
    return part


def check_task(dataset: Dataset, settings: Settings) -> None:
    """Refuse labels that cannot be learnt, before an arm takes its time.

    Raises
    ------
    ModelError
        If a split is empty, a label is not what the head needs, or train or val have one class only.
    """
    for split in ("train", "val"):
        targets = read_targets(_part(dataset, split), settings)
        try:
            check_classes(targets, split, settings.labels)
        except ModelError as error:
            kinds = ",".join(name for name in dataset.samples.columns if name.startswith("has_"))
            if not kinds or settings.labels != ("label",):
                raise
            several = f"--head multi-label --labels {kinds}"
            raise ModelError(f"{error} In a dataset of several labels, learn them: {several}, or one alone.") from None


def read_targets(part: Dataset, settings: Settings) -> Tensor:
    """Targets of some samples: classes ``[N]``, or ``[N, K]`` of 0 and 1 for a multi-label head."""
    columns = np.stack([_column(part, name) for name in settings.labels], axis=1)
    if settings.head == "multi-label":
        if not np.isin(columns, (0, 1)).all():
            raise ModelError(f"labels {', '.join(settings.labels)}: a multi-label head needs values of 0 and 1.")
        return torch.from_numpy(columns.astype(np.float32))
    values = columns[:, 0]
    top = 1 if settings.head == "one-logit" else max(class_count(part, settings) - 1, 1)
    if not (np.equal(values, np.round(values)).all() and values.min() >= 0 and values.max() <= top):
        raise ModelError(
            f"label {settings.labels[0]}: head {settings.head} needs whole numbers of 0 to {top}, "
            f"found {sorted(set(values.tolist()))[:6]}."
        )
    return torch.from_numpy(values.astype(np.int64))


def class_count(dataset: Dataset, settings: Settings) -> int:
    """How many classes a K-logit head tells apart: those of the dataset, or of the label's values."""
    if settings.labels == ("label",):
        return len(dataset.classes)
    whole = type(dataset)(dataset.path, dataset.check)
    return int(_column(whole, settings.labels[0]).max()) + 1


def outputs_of(dataset: Dataset, settings: Settings) -> int:
    """Logits of the head."""
    if settings.head == "one-logit":
        return 1
    return len(settings.labels) if settings.head == "multi-label" else class_count(dataset, settings)


def _column(part: Dataset, name: str) -> npt.NDArray[np.float64]:
    samples = part.samples
    if name in samples.columns:
        try:
            values = samples[name].to_numpy(np.float64)
        except (TypeError, ValueError):
            raise ModelError(f"{part.path}, column {name}: holds text, not numbers.") from None
        if not np.isfinite(values).all():
            raise ModelError(f"{part.path}, column {name}: a value is missing or not finite.")
        return values
    lesions = part.lesions
    families = sorted(set(lesions["family"])) if len(lesions) else []
    if name in families:
        rows = lesions[(lesions["family"] == name) & (lesions["voxels"] > 0)]
        return np.isin(samples["sample"], rows["sample"]).astype(np.float64)
    raise ModelError(f"{part.path}: no label {name!r}: {nearest(name, [*map(str, samples.columns), *families])}.")


def window_of(settings: Settings, modality: str) -> tuple[float, float] | None:
    """Values mapped to 0..1: those of the settings, else those of the modality; None: percentiles of the images."""
    return settings.window or WINDOWS.get(modality)


def fit_scaling(images: Images, window: tuple[float, float] | None = None) -> Scaling:
    """Scaling by a window, with mean and standard deviation of the train split.

    Parameters
    ----------
    window
        Values that are mapped to 0 and 1; by default the 1st and the 99th percentile.

    Raises
    ------
    ModelError
        If a value is NaN or infinite, or all values are the same.
    """
    pixels = images.pixels
    if np.issubdtype(pixels.dtype, np.floating):
        for position, one in enumerate(pixels):
            if not np.isfinite(one).all():
                raise ModelError(f"sample {images.numbers[position]}: its image has NaN or infinite values.")
    sample = pixels[:: max(len(pixels) // 200, 1)]
    low, high = (float(value) for value in (window or np.percentile(sample, (1, 99))))
    if not high > low:
        raise ModelError(f"the images of split {images.split} are constant: there is nothing to learn from.")
    unit = np.clip((sample.astype(np.float64) - low) / (high - low), 0, 1)
    sd = float(unit.std())
    if sd < 1e-6:
        where = f" between {low:g} and {high:g}" if window else ""
        raise ModelError(f"the images of split {images.split} are constant{where}: there is nothing to learn from.")
    return Scaling(low, high, round(float(unit.mean()), 6), round(sd, 6))
