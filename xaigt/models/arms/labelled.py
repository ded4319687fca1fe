"""In-domain pre-training on a column of a BIDS ``participants.tsv``, such as sex: images of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.errors import nearest
from xaigt.models.arms import Context, Start, options
from xaigt.models.arms.pretraining import pretrained
from xaigt.models.errors import ModelError
from xaigt.models.inputs import Images, fit_scaling
from xaigt.models.settings import Settings
from xaigt.randomness import unit_hash

DEFAULTS: dict[str, Any] = {"data": "", "column": "sex", "suffix": "T1w", "slices": 5, "epochs": 20}
MIDDLE = 0.2  # 2-D: slices are taken from the middle fifth of the volume, evenly
VALIDATION_SHARE = 0.2  # of the subjects: no subject is in both splits


def start(context: Context) -> Start:
    """Train on the column, or take it from the cache."""
    import pandas

    chosen = options(context, DEFAULTS)
    folder = Path(chosen["data"])
    table = folder / "participants.tsv"
    if not chosen["data"]:
        raise ModelError("arm labelled: give --arm-option data=FOLDER, a BIDS folder with a participants.tsv.")
    if not table.is_file():
        raise ModelError(f"{table}: missing; data={folder} must be a BIDS folder with a participants.tsv.")
    people = pandas.read_csv(table, sep="\t", dtype=str, keep_default_na=False)
    for column in ("participant_id", chosen["column"]):
        if column not in people.columns:
            raise ModelError(f"{table}: no column {column!r}: {nearest(column, people.columns)}.")
    people = people[~people[chosen["column"]].isin(["", "n/a"])]
    files = {person: _image(folder, person, chosen["suffix"]) for person in people["participant_id"]}
    labels = dict(zip(people["participant_id"], people[chosen["column"]], strict=True))
    labels = {person: label for person, label in labels.items() if files[person] is not None}
    if not labels:
        wanted = folder / "sub-*" / "**" / f"*_{chosen['suffix']}.nii or .nii.gz"
        raise ModelError(
            f"{table}: no subject with a value in column {chosen['column']} has an image ({wanted}); "
            f"the option suffix, now {chosen['suffix']}, says which kind of image is read."
        )
    classes = sorted(set(labels.values()))
    if not 2 <= len(classes) <= len(labels) // 2:
        raise ModelError(
            f"{table}, column {chosen['column']}: {len(labels)} subjects with an image have {len(classes)} "
            "different values; a class needs two subjects or more, and two classes are needed."
        )
    found: dict[str, Path] = {person: path for person in labels if (path := files[person]) is not None}
    config = {key: value for key, value in chosen.items() if key != "data"}
    config["files"] = {person: [path.name, path.stat().st_size, labels[person]] for person, path in found.items()}

    def make(_: Path, seed: int, settings: Settings) -> dict[str, Images]:
        return _images(found, labels, classes, context.size, chosen["slices"], settings.seed)

    return pretrained(context, config, make, outputs=len(classes), epochs=chosen["epochs"], head="k-logit")


def _image(folder: Path, person: str, suffix: str) -> Path | None:
    return next(iter(sorted((folder / person).glob(f"**/*_{suffix}.nii*"))), None)


def _images(
    files: dict[str, Path], labels: dict[str, str], classes: list[str], size: tuple[int, ...], slices: int, seed: int
) -> dict[str, Images]:
    rows: dict[str, list[tuple[npt.NDArray[np.float32], int, int]]] = {"train": [], "val": []}
    for number, (person, path) in enumerate(files.items()):
        split = "val" if unit_hash(seed, number, "labelled") < VALIDATION_SHARE else "train"
        rows[split] += [(image, classes.index(labels[person]), number) for image in _read(path, size, slices)]
    splits = {}
    for name, entries in rows.items():
        if not entries:
            raise ModelError(f"arm labelled: {len(files)} subjects leave none for {name}; give more subjects.")
        pixels, targets, numbers = zip(*entries, strict=True)
        splits[name] = Images(np.stack(pixels), torch.tensor(targets), np.array(numbers), name)
    scaling = fit_scaling(splits["train"])
    for images in splits.values():
        images.scaling = scaling
    return splits


def _read(path: Path, size: tuple[int, ...], slices: int) -> list[npt.NDArray[np.float32]]:
    """Volume, or slices of its middle, resized; the 1st to 99th percentile of the volume become 0..1."""
    from torch.nn import functional

    from xaigt.volume import read_nifti

    volume, affine = read_nifti(path)
    if not np.isfinite(volume).all():
        raise ModelError(f"{path}: has NaN or infinite values.")
    volume = _closest_to_lps(volume, affine)
    low, high = np.percentile(volume, (1, 99))
    unit = torch.from_numpy(np.clip((volume - low) / max(float(high - low), 1e-6), 0, 1).astype(np.float32))
    if len(size) == 3:
        return [functional.interpolate(unit[None, None], size, mode="trilinear")[0, 0].numpy()]
    at = np.linspace(0.5 - MIDDLE / 2, 0.5 + MIDDLE / 2, slices) * (len(unit) - 1)
    chosen = unit[torch.from_numpy(np.round(at).astype(np.int64))]
    return list(functional.interpolate(chosen[:, None], size, mode="bilinear")[:, 0].numpy())


def _closest_to_lps(volume: npt.NDArray[np.float32], affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Axes in the order z, y, x, rising upwards, backwards and to the left: as every array of xaigt."""
    import nibabel

    ornt = nibabel.orientations.io_orientation(affine)  # world axis and direction of each array axis
    wanted = nibabel.orientations.axcodes2ornt(("S", "P", "R"), labels=(("L", "R"), ("P", "A"), ("I", "S")))
    change = nibabel.orientations.ornt_transform(ornt, wanted)
    return np.ascontiguousarray(nibabel.orientations.apply_orientation(volume, change))
