"""Connected components of masks, and the instances of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from xaigt.errors import XaigtError

# Number of neighbours -> number of axes along which a neighbour may differ.
CONNECTIVITY = {2: {4: 1, 8: 2}, 3: {6: 1, 18: 2, 26: 3}}


def label(masks: Tensor, connectivity: int | None = None) -> Tensor:
    """Give numbers to the connected components of every mask of a batch.

    Parameters
    ----------
    masks
        ``[B, *S]``, bool, two or three spatial axes.
    connectivity
        4 or 8 neighbours in 2-D; 6, 18 or 26 in 3-D. By default all that touch: 8 or 26.

    Returns
    -------
    Tensor
        ``[B, *S]``, int32: 0 outside, 1, 2 ... in raster order, anew in every sample.
    """
    dims = masks.ndim - 1
    known = CONNECTIVITY.get(dims)
    if known is None:
        raise XaigtError(f"Components are found in 2-D or 3-D; the masks have {dims} spatial axes.")
    reach = known.get(max(known) if connectivity is None else connectivity)
    if reach is None:
        raise XaigtError(
            f"connectivity in {dims}-D is one of {', '.join(map(str, known))}; got {connectivity}."
        )
    # One call for the batch: the batch axis is an axis along which nothing is a neighbour.
    structure = np.zeros((3,) * (dims + 1), dtype=bool)
    structure[1] = ndimage.generate_binary_structure(dims, reach)
    found, _ = ndimage.label(masks.cpu().numpy(), structure)
    if len(found) > 1:
        flat = found.reshape(len(found), -1)
        last = np.maximum.accumulate(flat.max(1, initial=0))
        places = np.flatnonzero(flat)
        rows = places // flat.shape[1]
        flat.reshape(-1)[places] -= np.where(rows > 0, last[rows - 1], 0).astype(flat.dtype)
    return torch.from_numpy(found).to(torch.int32).to(masks.device)


@dataclass(frozen=True)
class Instances:
    """The instances of a batch, R in all.

    Attributes
    ----------
    sample, number, size
        ``[R]``: sample, number within the sample, count of evaluated voxels.
    of_voxel
        ``[V]``: instance of every truth voxel.
    """

    sample: Tensor
    number: Tensor
    size: Tensor
    of_voxel: Tensor

    @classmethod
    def of(cls, rows: Tensor, numbers: Tensor) -> Instances:
        """Group truth voxels by sample and number, both ``[V]``."""
        numbers = numbers.to(torch.int64)
        if len(numbers) and int(numbers.min()) < 0:
            raise XaigtError("Instance numbers must not be negative.")
        width = int(numbers.max()) + 1 if len(numbers) else 1
        found, of_voxel, size = torch.unique(rows * width + numbers, return_inverse=True, return_counts=True)
        return cls(found // width, found % width, size, of_voxel)

    def sums(self, weights: Tensor) -> Tensor:
        """Sum ``[V]`` weights over each instance: ``[R]``, float64."""
        return torch.bincount(self.of_voxel, weights=weights.to(torch.float64), minlength=len(self.size))

    def means(self, values: Tensor, samples: int) -> Tensor:
        """Average ``[R]`` values over the instances of each sample: ``[B]``; NaN without instances."""
        total = torch.bincount(self.sample, weights=values.to(torch.float64), minlength=samples)
        return total / torch.bincount(self.sample, minlength=samples)
