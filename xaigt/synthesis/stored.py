"""From what was computed of a sample to the arrays that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xaigt.compiled.images import alterations, quantise, regions
from xaigt.dataset.layout import ALTERED, COMPARTMENTS

OEDEMA_VISIBLE = 0.05  # share of full oedema from which an altered voxel counts as oedema
FLUID = 0.35  # share of fluid from which a voxel belongs to sulci and cisterns
EXTRA_AXIAL_MM = 30.0  # no layer under the inner table is thicker
_DECIDING = ("csf", "depth", "parenchyma", "ventricles")


def quantised(
    image: torch.Tensor, noise: torch.Tensor, quadrature: torch.Tensor | None, limits: tuple[int, int]
) -> npt.NDArray[np.int16]:
    """Image as the scanner stores it.

    Parameters
    ----------
    image, noise
        Without noise, and what is added; float32.
    quadrature
        Noise of the second channel of a magnitude image; None if there is none.
    limits
        Least and greatest number.
    """
    if image.device.type != "cpu":
        seen = image + noise if quadrature is None else torch.hypot(image + noise, quadrature)
        return np.asarray(torch.clamp(torch.round(seen), *limits).to(torch.int16).cpu().numpy())
    if quadrature is not None:
        image, noise = torch.hypot(image + noise, quadrature), torch.zeros_like(noise)
    found = np.empty(image.shape, np.int16)
    quantise(_row(image), _row(noise), *limits, found.reshape(-1))
    return found


def altered(
    image: npt.NDArray[np.int16],
    twin: npt.NDArray[np.int16],
    lesion: npt.NDArray[np.uint8],
    oedema: torch.Tensor,
    stages: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    epsilon: float,
) -> npt.NDArray[np.uint8]:
    """Bits of ``layout.ALTERED``: why image and twin differ by more than `epsilon`.

    Parameters
    ----------
    image, twin
        As stored.
    lesion
        Numbers of the lesions that own the voxels.
    oedema
        Its strength.
    stages
        The image without noise: of the twin; displaced, before lesions were planted; and after.
    epsilon
        In units of the image.
    """
    found = np.empty(image.shape, np.uint8)
    ground, before, after = (_row(stage) for stage in stages)
    alterations(
        image.reshape(-1), twin.reshape(-1), lesion.reshape(-1), _row(oedema), ground, before, after, epsilon,
        OEDEMA_VISIBLE, _bits(ALTERED), found.reshape(-1),
    )  # fmt: skip
    return found


def compartments(read: Mapping[str, torch.Tensor]) -> npt.NDArray[np.uint8]:
    """Bits of ``layout.COMPARTMENTS``, from the fields of a subject."""
    csf, depth, parenchyma, ventricles = (_row(read[name].float()) for name in _DECIDING)
    found = np.empty(read["depth"].shape, np.uint8)
    regions(csf, depth, parenchyma, ventricles, FLUID, EXTRA_AXIAL_MM, _bits(COMPARTMENTS), found.reshape(-1))
    return found


def _row(values: torch.Tensor) -> npt.NDArray[Any]:
    return values.contiguous().cpu().numpy().reshape(-1)


def _bits(numbers: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(numbers.values())
