"""A dataset as training frameworks want it: PyTorch, MONAI, TorchIO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset as TorchDataset

from xaigt.dataset.reading import Dataset, Sample
from xaigt.volume import nifti_affine

if TYPE_CHECKING:
    import torchio

MASKS = ("lesion", "support")


def window(image: npt.NDArray[Any], centre: float = 40.0, width: float = 80.0) -> npt.NDArray[np.float32]:
    """CT window: the part of the scale that is looked at, mapped to 0..1 (default: brain, 0 to 80 HU)."""
    low = np.float32(centre - width / 2)
    return np.clip((image.astype(np.float32) - low) / np.float32(width), 0, 1)


class TorchView(TorchDataset[dict[str, Any]]):
    """Samples as dictionaries of tensors.

    Each has ``image`` (float32 ``[1, *shape]``), the masks asked for (uint8 ``[1, *shape]``), ``label`` and
    ``sample`` (int64). It can be used with worker processes.

    Parameters
    ----------
    dataset
        The samples.
    windowed
        (centre, width) of a CT window that maps the image to 0..1; None leaves its units.
    arrays
        Which arrays to add to the image.
    transform
        Called with the dictionary; what it returns is returned.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        windowed: tuple[float, float] | None = None,
        arrays: Sequence[str] = MASKS,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        self.dataset, self.windowed, self.arrays, self.transform = dataset, windowed, tuple(arrays), transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        sample: Sample = self.dataset[index]
        image = sample.image
        scaled = image.astype(np.float32) if self.windowed is None else window(image, *self.windowed)
        item: dict[str, Any] = {"image": torch.from_numpy(scaled)[None]}
        item |= {name: torch.from_numpy(sample.array(name).copy())[None] for name in self.arrays}
        item |= {"label": torch.tensor(sample.label), "sample": torch.tensor(sample.number)}
        return item if self.transform is None else self.transform(item)


def monai_items(dataset: Dataset, arrays: Sequence[str] = MASKS) -> list[dict[str, Any]]:
    """Dictionaries for ``monai.data.Dataset`` and its dictionary transforms; all arrays are read now.

    Images and masks are ``MetaTensor`` of shape ``[1, *shape]`` with the affine of their own axes.
    """
    from monai.data import MetaTensor

    items = []
    for sample in dataset:
        affine = torch.from_numpy(_column_order(sample, dataset.dim))
        item: dict[str, Any] = {"image": MetaTensor(torch.from_numpy(sample.image.astype(np.float32))[None], affine)}
        item |= {name: MetaTensor(torch.from_numpy(sample.array(name).copy())[None], affine) for name in arrays}
        items.append({**item, "label": sample.label, "sample": sample.number})
    return items


def torchio_subjects(dataset: Dataset, arrays: Sequence[str] = MASKS) -> list[torchio.Subject]:
    """TorchIO subjects (axes x, y, z; a 2-D sample has one slice); all arrays are read now."""
    import torchio

    subjects = []
    for sample in dataset:
        affine = nifti_affine(sample.affine)
        images: dict[str, Any] = {"image": torchio.ScalarImage(tensor=_reversed(sample.image), affine=affine)}
        images |= {name: torchio.LabelMap(tensor=_reversed(sample.array(name)), affine=affine) for name in arrays}
        subjects.append(torchio.Subject(**images, label=sample.label, sample=sample.number))
    return subjects


def _column_order(sample: Sample, dim: int) -> npt.NDArray[np.float64]:
    """Affine whose columns are the axes of the stored array (2-D: y, x, then the slice axis)."""
    affine = sample.affine
    return affine if dim == 3 else affine[:, [1, 2, 0, 3]]


def _reversed(array: npt.NDArray[Any]) -> torch.Tensor:
    volume = array.T[..., None] if array.ndim == 2 else array.transpose(2, 1, 0)
    return torch.from_numpy(np.ascontiguousarray(volume))[None]
