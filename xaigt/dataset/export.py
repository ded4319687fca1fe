"""Exporting samples to formats that other programs open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xaigt.dataset import layout
from xaigt.dataset.files import DatasetError, disk_errors, sha256, write_json
from xaigt.dataset.reading import Dataset
from xaigt.volume import write_nifti


def to_nifti(dataset: Dataset, folder: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write every sample as a folder of compressed NIfTI files, one for each array.

    The affine is that of the scanner: a viewer shows left and right, millimetres and slice heights as they are.
    A file that exists already is written again.

    Parameters
    ----------
    dataset
        The samples.
    folder
        New or empty, or an earlier export.
    progress
        Called with the samples done and the samples wanted.

    Raises
    ------
    DatasetError
        If the folder holds something else, or cannot be written.
    """
    marker = folder / "export.json"
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not marker.exists())):
        raise DatasetError(f"{folder}: exists and is not an export; name another directory.")
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(marker, {"from": sha256(dataset.path / layout.DESCRIPTION), "format": "nifti"})
        for done, sample in enumerate(dataset, start=1):
            target = folder / str(sample.row["id"])
            target.mkdir(exist_ok=True)
            for name in dataset.array_names:
                write_nifti(target / f"{name}.nii.gz", sample.array(name), sample.affine)
            if progress is not None:
                progress(done, len(dataset))
        dataset.samples.drop(columns=["plan"]).to_csv(folder / "samples.csv", index=False)
        dataset.lesions.drop(columns=["parameters"], errors="ignore").to_csv(folder / "lesions.csv", index=False)
    return folder
