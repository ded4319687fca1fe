"""Do pixels tell the class without the lesion, and does the lesion alone? Each test measures what it can see.

``twin``: the healthy twins. ``filled``: the images, where discs are filled from the twin; discs have one size, and
every sample has as many, placed over its lesions and, where there are fewer, where negatives drew theirs, or at random.
``lesion``: what the lesion adds, inside its mask, and nothing else.

So that a test that sees nothing is not taken for a proof, known leaks of growing strength are given to samples of a
*shuffled* class, which nothing else tells; the smallest that is detected is reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from xaigt.audit.auc import Area, area
from xaigt.audit.features import Scale, describe, nearness, out_of_fold
from xaigt.audit.lines import Role, Tested
from xaigt.audit.measure import Measured
from xaigt.audit.targets import LEAST, Target
from xaigt.dataset.reading import Dataset
from xaigt.randomness import stream

BATCH_VOXELS = 2**20
MARGIN_VOXELS = 2.0
MOST_INJECTED = 2000
"""Samples that leaks are given to, or not: of larger datasets a part, whose smallest leak is an upper bound."""
PATCH_SHARE = 1 / 32
"""Radius of the injected disc, in widths of the image."""
STRENGTHS = {
    "patch": (0.5, 1.0, 2.0, 4.0, 8.0),
    "shift": (0.05, 0.1, 0.2, 0.5, 1.0),
    "ring": (0.25, 0.5, 1.0, 2.0, 4.0),
    "brighter": (0.1, 0.2, 0.5, 1.0, 2.0),
}
WORDS = {
    "patch": "a disc at one place, {0:g} SD of the noise brighter",
    "shift": "the head {0:g} SD of the noise brighter",
    "ring": "a rim about the discs, {0:g} SD of the noise brighter",
    "brighter": "lesions {0:.0%} brighter",
}
LEAKS = {"twin": ("patch", "shift"), "filled": ("ring",), "lesion": ("brighter",)}
Progress = Callable[[int, int], None]
Batch = Mapping[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Injected:
    """A known leak, and the area that the classifier reached on it."""

    test: str
    leak: str
    strength: float
    area: Area


@dataclass(frozen=True)
class Discs:
    """Discs (balls) of one radius: the same number in every sample.

    Attributes
    ----------
    centres
        ``[n, discs, axes]`` in voxels.
    radius_mm
        Covers every recorded lesion voxel of every sample, and `MARGIN_VOXELS` more.
    spacing
        mm, by axis.
    """

    centres: npt.NDArray[np.float64]
    radius_mm: float
    spacing: npt.NDArray[np.float64]

    def distance(self, index: int, shape: tuple[int, ...]) -> Floats:
        """Distance in mm to the border of the discs of one sample, negative inside."""
        least = np.full(shape, np.inf, np.float32)
        for centre in self.centres[index]:
            axes = [
                ((np.arange(size) - middle) * step) ** 2
                for size, middle, step in zip(shape, centre, self.spacing, strict=True)
            ]
            total = axes[0].reshape(-1, *[1] * (len(shape) - 1))
            for number, axis in enumerate(axes[1:], start=1):
                total = total + axis.reshape([-1 if k == number else 1 for k in range(len(shape))])
            np.minimum(least, np.sqrt(total), out=least)
        return least - np.float32(self.radius_mm)


def place_discs(dataset: Dataset, measured: Measured, seed: int) -> Discs:
    """Discs for every sample; see the module."""
    spacing = np.asarray(dataset.description["spacing_mm"], float)[-dataset.dim :]
    shape = np.asarray(dataset.description["shape"], float)
    boxes = []
    for box, recorded in zip(measured.boxes, measured.recorded, strict=True):
        middle = (recorded.min(0) + recorded.max(0))[None] / 2 if len(recorded) else box
        boxes.append(box if len(box) else middle)
    number = max((len(box) for box in boxes), default=0)
    radius = 0.0
    for box, recorded in zip(boxes, measured.recorded, strict=True):
        if len(recorded):
            to = np.sqrt((((recorded[:, None] - box[None]) * spacing) ** 2).sum(-1)).min(1)
            radius = max(radius, float(to.max()))
    centres = np.zeros((len(boxes), max(number, 1), dataset.dim))
    for index, (box, (_, row)) in enumerate(zip(boxes, dataset.samples.iterrows(), strict=True)):
        drawn = _drawn_places(dataset, row)
        rng = stream(seed, int(row["sample"]), "audit-discs")
        middle, reach = (shape - 1) / 2, shape / 5
        found = [*box, *drawn[len(box) :]][: centres.shape[1]]
        while len(found) < centres.shape[1]:
            found.append(middle + rng.uniform(-reach, reach))
        centres[index] = found
    return Discs(centres, radius + MARGIN_VOXELS * float(spacing.max()), spacing)


def _drawn_places(dataset: Dataset, row: Any) -> list[npt.NDArray[np.float64]]:
    """Places (voxels) of the lesions that a sample drew, planted or not."""
    affine = np.asarray(dataset.description["affine"], float)
    found = []
    for item in json.loads(str(row["plan"])).get("lesions", []):
        if item.get("role") == "lesion":
            ras = np.asarray(item["lesion"]["centre_mm"], float)[::-1]
            index = np.linalg.lstsq(affine[:3, :3], ras - affine[:3, 3], rcond=None)[0]
            found.append(index[-dataset.dim :])
    return found


def classify(
    dataset: Dataset,
    measured: Measured,
    targets: Sequence[Target],
    *,
    noise_sd: float,
    seed: int,
    progress: Progress | None = None,
) -> tuple[list[Tested], list[Injected]]:
    """Run the three tests for every target, and inject the leaks.

    Parameters
    ----------
    dataset, measured
        The samples, and what masks say of them.
    targets
        The classes asked for; the leaks are given to a shuffle of the first.
    noise_sd
        SD of the noise, the unit of the injected leaks.
    seed
        Of the shuffle, of sham places.
    """
    discs = place_discs(dataset, measured, seed)
    mixed = stream(seed, 0, "audit-shuffle").permutation(targets[0].label)
    few = stream(seed, 0, "audit-few").permutation(len(mixed)) < MOST_INJECTED
    given_to = mixed & few
    with_lesion = np.array([len(recorded) > 0 for recorded in measured.recorded])
    features: dict[str, list[Floats]] = {}
    leaked: dict[tuple[str, str, float], list[Floats]] = {}
    filled_share, scales, done = [0.0, 0.0], None, 0
    for start, batch in _batches(dataset):
        count = len(batch["image"])
        distance = np.stack([discs.distance(start + i, batch["image"].shape[1:]) for i in range(count)])
        views = _views(batch, distance)
        scales = scales or _scales(views, batch)
        filled_share[0] += float(((distance <= 0) & (batch["support"] > 0)).sum())
        filled_share[1] += float((batch["support"] > 0).sum())
        chosen = given_to[start : start + count]
        for test, images in views.items():
            features.setdefault(test, []).append(describe(images, scales[test]))
            for leak in LEAKS[test]:
                mark = _mark(leak, batch, distance, discs, noise_sd, images)[chosen]
                for strength in STRENGTHS[leak]:
                    given = describe(images[chosen] + np.float32(strength) * mark, scales[test])
                    leaked.setdefault((test, leak, strength), []).append(given)
        done += count
        if progress is not None:
            progress(done, len(dataset))
    joined = {test: np.concatenate(parts) for test, parts in features.items()}
    share = filled_share[0] / max(filled_share[1], 1.0)
    tested = [_tested(dataset, test, matrix, target, share) for target in targets for test, matrix in joined.items()]
    injected = []
    for (test, leak, strength), parts in leaked.items():
        matrix = joined[test].copy()
        matrix[given_to] = np.concatenate(parts)
        usable = few & with_lesion if test == "lesion" else few
        if mixed[usable].sum() >= LEAST and (~mixed[usable]).sum() >= LEAST:
            found = _within(usable, matrix, mixed, targets[0].folds)
            injected.append(Injected(test, leak, strength, found))
    return tested, injected


def _within(
    usable: npt.NDArray[np.bool_], features: Floats, label: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> Area:
    """Area reached on some of the samples; the others have no influence on it."""
    score = out_of_fold(features[usable], label[usable], folds[usable])
    found = area(score, label[usable], folds[usable])
    influence = np.zeros(len(usable))
    influence[usable] = found.influence
    return replace(found, influence=influence)


def _tested(dataset: Dataset, test: str, features: Floats, target: Target, share: float) -> Tested:
    role = Role.EVIDENCE if test == "lesion" else Role.SHORTCUT
    name = {"twin": "healthy twins", "filled": "images, lesions filled", "lesion": "lesion alone"}[test]
    note = f"discs fill {share:.0%} of the head" if test == "filled" else ""
    if test == "lesion" and dataset.description["task"] == "count" and target.name in dataset.classes[1:-1]:
        wanted = dataset.classes.index(target.name)
        score = nearness(features, dataset.samples["label"].to_numpy(np.int64), wanted, target.folds)
    else:
        score = out_of_fold(features, target.label, target.folds)
    return Tested(name, "pixels", target.name, role, area(score, target.label, target.folds), note)


def _batches(dataset: Dataset) -> Iterator[tuple[int, Batch]]:
    """Arrays of consecutive samples; their checksums were compared when they were measured."""
    numbers = dataset.samples["sample"].to_numpy(np.int64)
    size = max(1, min(64, BATCH_VOXELS // int(np.prod(dataset.description["shape"]))))
    for start in range(0, len(numbers), size):
        wanted = numbers[start : start + size]
        first, last = int(wanted.min()), int(wanted.max())
        chosen = (wanted - first) if last - first < 4 * size else None
        batch = {}
        for name in ("image", "twin", "lesion", "support"):
            array = dataset.arrays[name]
            if chosen is not None:
                batch[name] = np.asarray(array[first : last + 1])[chosen]
            else:
                batch[name] = np.stack([np.asarray(array[int(number)]) for number in wanted])
        yield start, batch


def _views(batch: Batch, distance: Floats) -> dict[str, Floats]:
    image, twin = batch["image"].astype(np.float32), batch["twin"].astype(np.float32)
    return {
        "twin": twin,
        "filled": np.where(distance <= 0, twin, image),
        "lesion": np.where(batch["lesion"] > 0, image - twin, np.float32(0)),
    }


def _scales(views: Mapping[str, Floats], batch: Batch) -> dict[str, Scale]:
    tissue = Scale.of(views["twin"], batch["support"] > 0)
    change = np.abs(views["lesion"][batch["lesion"] > 0])
    height = float(np.median(change)) if change.size else 1.0
    return {"twin": tissue, "filled": tissue, "lesion": Scale(0.0, max(2 * height, 1e-6))}


def _mark(leak: str, batch: Batch, distance: Floats, discs: Discs, noise_sd: float, images: Floats) -> Floats:
    """What a leak of strength 1 adds to each image of a batch."""
    if leak == "brighter":
        return images
    if leak == "shift":
        return noise_sd * (batch["support"] > 0).astype(np.float32)
    if leak == "ring":
        width = MARGIN_VOXELS * float(discs.spacing.max())
        ring = (distance > 0) & (distance <= width) & (batch["support"] > 0)
        return noise_sd * ring.astype(np.float32)
    shape = images.shape[1:]
    offsets = np.meshgrid(*[np.arange(size) - 0.45 * size for size in shape], indexing="ij")
    disc = sum(offset**2 for offset in offsets) <= max(PATCH_SHARE * shape[-1], 1.0) ** 2
    return np.broadcast_to(noise_sd * np.asarray(disc, np.float32), images.shape)
