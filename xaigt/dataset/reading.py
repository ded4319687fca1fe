"""Reading a dataset: arrays, tables and single samples, each checked against its recorded checksum."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xaigt.dataset import layout
from xaigt.dataset.files import DatasetError, read_json
from xaigt.errors import XaigtError, nearest

if TYPE_CHECKING:
    import pandas
    import zarr


@dataclass(frozen=True)
class Sample:
    """One sample of a dataset; its arrays are read when they are asked for.

    Parameters
    ----------
    dataset
        Where it belongs.
    row
        Its row of the table of samples.
    """

    dataset: Dataset
    row: Mapping[str, Any]

    @property
    def number(self) -> int:
        """Number of the sample in the whole dataset."""
        return int(self.row["sample"])

    @property
    def label(self) -> int:
        """Class of the sample."""
        return int(self.row["label"])

    @property
    def image(self) -> npt.NDArray[np.int16]:
        """What a network sees, in the units of the modality."""
        return self.array("image")

    @property
    def twin(self) -> npt.NDArray[np.int16]:
        """The same subject with the same noise and no lesion."""
        return self.array("twin")

    @property
    def lesion(self) -> npt.NDArray[np.uint8]:
        """The truth: number of the lesion that owns the voxel, 0 for none."""
        return self.array("lesion")

    @property
    def altered(self) -> npt.NDArray[np.uint8]:
        """Why image and twin differ at a voxel: bits of ``layout.ALTERED``."""
        return self.array("altered")

    @property
    def support(self) -> npt.NDArray[np.uint8]:
        """Where evidence could lie at all: inside the skull."""
        return self.array("support")

    @property
    def compartment(self) -> npt.NDArray[np.uint8]:
        """Bits of ``layout.COMPARTMENTS``."""
        return self.array("compartment")

    @property
    def other(self) -> npt.NDArray[np.uint8]:
        """Number of the distractor, confounder or suppressor that owns the voxel, 0 for none."""
        return self.array("other")

    @property
    def swapped(self) -> npt.NDArray[np.int16]:
        """The class-swapped twin: same subject, noise, places and sizes, the lesions of the other class."""
        return self.array("swapped")

    def array(self, name: str) -> npt.NDArray[Any]:
        """One array of the sample.

        Raises
        ------
        DatasetError
            If what is on the disk is not what was written.
        """
        return self.dataset.read(name, self.number)

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """4 x 4 matrix from indices ``[z, y, x]`` to RAS mm (2-D: z is 0)."""
        affine = np.asarray(self.dataset.description["affine"], np.float64)
        if self.dataset.dim == 2:
            affine[2, 3] = self.row["slice_mm"]
        return affine

    @property
    def plan(self) -> str:
        """Everything that was drawn for the sample, as JSON: its provenance."""
        return str(self.row["plan"])


class Dataset(Sequence[Sample]):
    """A dataset on disk, or some of its samples.

    Parameters
    ----------
    path
        The directory.
    check
        Compare every array that is read with its checksum (about 0.1 ms for a 2-D sample).
    """

    def __init__(self, path: Path, check: bool = True, rows: npt.NDArray[np.intp] | None = None) -> None:
        self.path, self.check, self._rows = path, check, rows
        self.description = _description(path)

    @property
    def dim(self) -> int:
        """2 or 3."""
        return int(self.description["dim"])

    @property
    def classes(self) -> list[str]:
        """Names of the classes, by label."""
        return list(self.description["classes"])

    @cached_property
    def _all_samples(self) -> pandas.DataFrame:
        return self._table(layout.SAMPLES)

    @cached_property
    def samples(self) -> pandas.DataFrame:
        """A row a sample: id, split, label, template, subject, checksums, the drawn plan."""
        everything = self._all_samples
        return everything if self._rows is None else everything.iloc[self._rows].reset_index(drop=True)

    @cached_property
    def lesions(self) -> pandas.DataFrame:
        """A row a planted lesion of these samples."""
        table = self._table(layout.LESIONS)
        return table[table["sample"].isin(self.samples["sample"])].reset_index(drop=True)

    @cached_property
    def evidence(self) -> pandas.DataFrame:
        """Which lesions speak for and against each class of these samples.

        Columns: sample, target, instance (0: none), direction, localizable, reason; see docs/reference/dataset.md.
        """
        if layout.EVIDENCE not in self.description["sha256"]:  # format version 1: presence, and nothing else
            return _evidence_of_presence(self.samples, self.lesions)
        table = self._table(layout.EVIDENCE)
        return table[table["sample"].isin(self.samples["sample"])].reset_index(drop=True)

    @property
    def array_names(self) -> list[str]:
        """Names of the arrays that this dataset has."""
        return list(self.description["arrays"])

    @cached_property
    def arrays(self) -> Mapping[str, zarr.Array[Any]]:
        """Zarr arrays of the whole dataset, sample axis first: read from them what you need, in any order."""
        import zarr

        folder = self.path / layout.DATA
        try:
            group = zarr.open_group(folder, mode="r")
            arrays: dict[str, Any] = {name: group[name] for name in self.array_names}
        except Exception as error:  # zarr raises many kinds for a damaged store
            raise DatasetError(f"{folder}: is missing or damaged ({type(error).__name__}: {error}).") from None
        shape = (self.description["samples"], *self.description["shape"])
        for name, array in arrays.items():
            if array.shape != shape:
                raise DatasetError(f"{folder}, array {name}: has the shape {array.shape}, not {shape}.")
        return arrays

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> Any:
        """Sample at a position (an int), or the dataset of some positions (a slice)."""
        if isinstance(index, slice):
            return self._subset(np.arange(len(self))[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return Sample(self, self.samples.iloc[int(index)].to_dict())

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.samples["split"].value_counts().items())
        return f"Dataset({str(self.path)!r}: {len(self)} samples of {self.description['recipe']['name']}; {counts})"

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "arrays"}

    def split(self, name: str) -> Dataset:
        """Return the samples of one split.

        Raises
        ------
        XaigtError
            If there is no such split.
        """
        if name not in self.description["splits"]:
            raise XaigtError(f"{self.path}: no split {name!r}: {nearest(name, self.description['splits'])}.")
        return self.where(lambda samples: samples["split"] == name)

    def where(self, condition: Callable[[pandas.DataFrame], Any]) -> Dataset:
        """Return the samples for which a condition on the table of samples is true."""
        return self._subset(np.flatnonzero(np.asarray(condition(self.samples))))

    def read(self, name: str, number: int) -> npt.NDArray[Any]:
        """One array of one sample, by its number in the whole dataset."""
        if name not in self.array_names:
            raise XaigtError(f"{self.path}: has no array {name!r}: {nearest(name, self.array_names)}.")
        where = f"{self.path / layout.DATA}, array {name}, sample {number}"
        try:
            array = np.asarray(self.arrays[name][number])
        except DatasetError:
            raise
        except Exception as error:  # a truncated or altered chunk fails in the codec, in many ways
            raise DatasetError(f"{where}: is damaged ({type(error).__name__}: {error}).") from None
        if self.check:
            from xaigt.dataset.store import checksum

            wanted = self._all_samples[f"sha256_{name}"].iloc[number]
            if checksum(array) != wanted:
                raise DatasetError(f"{where}: is not what was written (its sha256 differs from the table's).")
        return array

    def _subset(self, positions: npt.NDArray[np.intp]) -> Dataset:
        rows = positions if self._rows is None else self._rows[positions]
        return Dataset(self.path, self.check, rows)

    def _table(self, name: str) -> pandas.DataFrame:
        import pandas

        path = self.path / name
        if not path.exists():
            raise DatasetError(f"{path}: is missing.")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.description["sha256"][name]:
            raise DatasetError(f"{path}: is not what was written (its sha256 differs from dataset.json).")
        return pandas.read_parquet(io.BytesIO(content))  # not the path: pyarrow fails on names that are not UTF-8


def load(path: str | PathLike[str], *, check: bool = True) -> Dataset:
    """Open a dataset.

    Parameters
    ----------
    path
        A directory that ``xaigt generate`` made.
    check
        Compare every array that is read with its checksum.

    Returns
    -------
    Dataset
        A sequence of samples, with tables and arrays.

    Raises
    ------
    DatasetError
        If it is not a dataset, not complete, damaged, or of a newer format.

    Examples
    --------
    >>> import xaigt
    >>> dataset = xaigt.load("hemorrhage")  # doctest: +SKIP
    >>> dataset[7].image.shape  # doctest: +SKIP
    (224, 224)
    """
    return Dataset(Path(path), check)


def _evidence_of_presence(samples: pandas.DataFrame, lesions: pandas.DataFrame) -> pandas.DataFrame:
    import pandas

    seen = lesions[(lesions["role"] == "lesion") & (lesions["voxels"] > 0)]
    rows = seen[["sample", "instance"]].assign(target=1, direction="supports", localizable=True, reason="planted")
    without = samples.loc[~samples["sample"].isin(seen["sample"]), ["sample"]]
    absent = without.assign(instance=0, target=0, direction="none", localizable=False, reason="absence")
    return pandas.concat([rows, absent]).sort_values(["sample", "instance"], ignore_index=True)


def _description(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise DatasetError(f"{path}: there is no such directory.")
    if not (path / layout.DESCRIPTION).exists():
        raise DatasetError(f"{path}: is not an xaigt dataset (it has no {layout.DESCRIPTION}).")
    description = read_json(path / layout.DESCRIPTION)
    version = description.get("format_version") if isinstance(description, dict) else None
    if not isinstance(version, int):
        raise DatasetError(f"{path / layout.DESCRIPTION}, field format_version: missing or not a whole number.")
    if version > layout.FORMAT_VERSION:
        raise DatasetError(
            f"{path}: is in format version {version}, this xaigt reads up to {layout.FORMAT_VERSION}: "
            "install a newer xaigt."
        )
    if not description.get("complete"):
        done = len(list((path / layout.BLOCKS).glob("*.json")))
        raise DatasetError(
            f"{path}: is not finished ({done} blocks are); run the command that started it again to go on."
        )
    missing = {
        "samples",
        "shape",
        "splits",
        "classes",
        "affine",
        "dim",
        "recipe",
        "sha256",
        "arrays",
    } - description.keys()
    if missing:
        raise DatasetError(f"{path / layout.DESCRIPTION}, field {min(missing)}: missing.")
    return description
