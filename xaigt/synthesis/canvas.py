"""The image of a sample while lesions are planted into it."""

from __future__ import annotations

import copy

import numpy as np
import torch

from xaigt.anatomy.subjects import Subject
from xaigt.anatomy.world import Anatomy
from xaigt.compiled.planting import blend
from xaigt.lesions import Lesion, family
from xaigt.synthesis.cover import Cover, cover
from xaigt.synthesis.plan import Plan
from xaigt.volume import Grid

GREY_SHARE = 0.6  # oedema spreads along white matter; grey matter takes less of it
_UNKNOWN = np.empty((0, 0, 0), bool)


class Canvas:
    """The image while lesions are planted into it, and the masks that grow with it."""

    def __init__(
        self, healthy: torch.Tensor, read: dict[str, torch.Tensor], grid: Grid, anatomy: Anatomy, plan: Plan
    ) -> None:
        self.image = healthy.clone()
        self.core = torch.zeros_like(healthy)
        self.oedema = torch.zeros_like(healthy)
        self.instance = torch.zeros(healthy.shape, dtype=torch.uint8, device=healthy.device)
        self._read, self._grid, self._anatomy = read, grid, anatomy
        self._contrast = (plan.contrast_to_noise or 0.0) * plan.acquisition.noise_hu

    def copy(self) -> Canvas:
        """Return a canvas that goes on from this one, with no truth yet; what is planted there is not planted over."""
        other = copy.copy(self)
        other.image, other.core, other.oedema = self.image.clone(), self.core.clone(), torch.zeros_like(self.oedema)
        other.instance = torch.zeros_like(self.instance)
        return other

    def plant(self, instance: int, lesion: Lesion) -> None:
        """Blend one lesion into the image inside its box; where two meet, the fuller one owns the voxel."""
        kind = family(lesion.family)
        found = cover(kind, lesion, self._anatomy, self._grid)
        if found is None:
            return
        z, y, x = (axis[along] for axis, along in zip(self._grid.axes(), found.box, strict=True))
        exact = kind.nominal(lesion, self._anatomy, self._anatomy.points((z, y, x)))
        (self._blend if self.image.device.type == "cpu" else self._blend_on_device)(instance, found, exact)

    def _blend(self, instance: int, found: Cover, exact: torch.Tensor | None) -> None:
        subject, box = self._anatomy.map.subject, found.box
        tissue = tuple(self._read[name].numpy()[box] for name in ("grey", "white", "csf"))
        blend(
            tissue, (subject.grey_hu, subject.white_hu, subject.csf_hu),
            found.core.numpy(), found.filling.numpy(), found.oedema.numpy(),
            _UNKNOWN if exact is None else exact.numpy(), found.additive, found.shift, GREY_SHARE,
            self._contrast, instance,
            self.image.numpy()[box], self.instance.numpy()[box], self.core.numpy()[box], self.oedema.numpy()[box],
        )  # fmt: skip

    def _blend_on_device(self, instance: int, found: Cover, exact: torch.Tensor | None) -> None:
        """Do what :func:`xaigt.compiled.planting.blend` does, for any device."""
        box, core, oedema = found.box, found.core, found.oedema
        matter = self._read["white"][box] + GREY_SHARE * self._read["grey"][box]
        # A lesion replaces the soft tissue of a voxel, not the share of bone beside it; and not an earlier lesion.
        change = found.filling if found.additive else found.filling - core * self._tissue(box)
        own = core >= 0.5 if exact is None else exact
        room = 1 - self.core[box]
        owns = own & (room > 0) & (core > self.core[box])
        gain = self._gain(change, core, own)
        self.image[box] += room * gain * (oedema * matter * found.shift + change)
        self.instance[box] = torch.where(owns, torch.full_like(self.instance[box], instance), self.instance[box])
        self.core[box] = torch.maximum(self.core[box], core)
        self.oedema[box] = torch.maximum(self.oedema[box], oedema)

    def _tissue(self, box: tuple[slice, slice, slice]) -> torch.Tensor:
        read = {name: self._read[name][box] for name in ("grey", "white", "csf")}
        return _soft_tissue(read, self._anatomy.map.subject)

    def _gain(self, change: torch.Tensor, core: torch.Tensor, own: torch.Tensor) -> float:
        """Factor that brings the contrast of a lesion, at full coverage, to what the recipe's dial asks."""
        if not self._contrast or not bool(own.any()):
            return 1.0
        full = float(change[own].double().sum().abs() / core[own].double().sum().clamp(min=1e-6))
        return self._contrast / full if full > 0 else 1.0


def _soft_tissue(read: dict[str, torch.Tensor], subject: Subject) -> torch.Tensor:
    """Mean value of the brain and fluid in each voxel, without the bone that shares it."""
    share = read["grey"] + read["white"] + read["csf"]
    brain = subject.grey_hu * read["grey"] + subject.white_hu * read["white"] + subject.csf_hu * read["csf"]
    return torch.where(share > 0.05, brain / share.clamp(min=0.05), subject.white_hu)
