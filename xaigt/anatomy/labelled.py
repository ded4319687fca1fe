"""A labelled head as an image whose truth is known: a skull-stripped T1w brain, or a head CT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from xaigt.anatomy.cards import LocalFile, TemplateCard, load_card
from xaigt.anatomy.geometry import Array, Mask
from xaigt.anatomy.image import Understood
from xaigt.anatomy.intake import Volume, read_volume, resample
from xaigt.dataset.files import sha256

# Numbers of FreeSurfer's colour table: left, right.
WHITE = (2, 41, 7, 46, 16, 28, 60, 77, 85, 192)
VENTRICLES = (4, 43, 5, 44, 14, 15, 72)
FLUID = (24, 30, 31, 62, 63)
CEREBELLUM, STEM = (7, 8, 46, 47), (16,)
DEEP = (10, 11, 12, 13, 26, 28, 49, 50, 51, 52, 58, 60)
FIRST_EXTRACEREBRAL = 500
# Of SynthSeg's training maps, whose numbers above 500 are not documented: told by where they lie in the head.
HARD_BONE, SPONGY_BONE, SINUS = 515, 516, 514

T1 = {"grey": 600.0, "white": 1000.0, "fluid": 150.0, "noise": 60.0}
CT = {"grey": 38.0, "white": 29.0, "fluid": 8.0, "noise": 4.0}
HARD_HU, SPONGY_HU, BLOOD_HU, SOFT_HU, AIR_HU = 1000.0, 500.0, 50.0, 40.0, -1000.0
STRIPPED_MM = 2.0
CT_BLUR_MM = 0.7  # of a CT of 1 mm: bone blurs into what lies under it


@dataclass(frozen=True)
class Labelled:
    """Numbers of structures as they lie in the file."""

    number: npt.NDArray[np.int32]
    volume: Volume

    @classmethod
    def read(cls, path: Path) -> Labelled:
        """Read a label map with FreeSurfer's numbers, such as the training maps of SynthSeg."""
        volume = read_volume(path)
        return cls(np.round(volume.data).astype(np.int32), volume)

    def any_of(self, numbers: tuple[int, ...]) -> Mask:
        """Voxels with one of these numbers."""
        return np.asarray(np.isin(self.number, numbers))

    @property
    def brain(self) -> Mask:
        """Everything of the brain, with its fluid."""
        return np.asarray((self.number > 0) & (self.number < FIRST_EXTRACEREBRAL))

    @property
    def inside_skull(self) -> Mask:
        """Brain, fluid and the sagittal sinus."""
        return np.asarray(self.brain | (self.number == SINUS))

    @property
    def stripped(self) -> Mask:
        """What a skull-stripper leaves: tissue, ventricles, and fluid within 2 mm of them."""
        solid = self.brain & ~self.any_of(FLUID)
        near = ndimage.distance_transform_edt(~solid, sampling=self.volume.spacing) <= STRIPPED_MM
        return np.asarray(self.brain & near)

    @property
    def masks(self) -> dict[str, Mask]:
        """Structure -> mask."""
        ventricles = self.any_of(VENTRICLES)
        fluid, white = ventricles | self.any_of(FLUID), self.any_of(WHITE)
        return {
            "grey matter": self.brain & ~white & ~fluid,
            "white matter": white,
            "brain (grey or white)": self.brain & ~fluid,
            "fluid": fluid & self.brain,
            "ventricles": ventricles,
            "inside the skull": self.inside_skull,
        }

    def on(self, found: Understood, mask: Mask) -> Mask:
        """Read a mask where a template that was made of these labels was understood to lie."""
        own = Volume(mask.astype(np.float32), self.volume.affine, self.volume.path)
        return np.asarray(resample(own, found.lattice, found.pose.to_file) > 0.5)

    def t1(self, folder: Path) -> TemplateCard:
        """Write a skull-stripped T1w brain of these labels; return its card."""
        return self._card("mni152-t1", np.where(self.stripped, np.maximum(self._tissue(T1), 1), 0), folder)

    def ct(self, folder: Path) -> TemplateCard:
        """Write a head CT of these labels: tissue, bone, soft tissue and air, blurred and with noise; its card."""
        parts = [self.inside_skull, self.number == HARD_BONE, self.number == SPONGY_BONE, self.number > 0]
        clean = np.select(
            [self.number == SINUS, *parts],
            [BLOOD_HU, self._tissue(CT, noise=False), HARD_HU, SPONGY_HU, SOFT_HU],
            AIR_HU,
        )
        blurred = ndimage.gaussian_filter(clean.astype(np.float32), CT_BLUR_MM / self.volume.spacing)
        return self._card("scct", blurred + self._noise(CT["noise"]), folder)

    def _tissue(self, values: dict[str, float], noise: bool = True) -> Array:
        fluid = self.any_of(VENTRICLES) | self.any_of(FLUID)
        clean = np.select([fluid, self.any_of(WHITE)], [values["fluid"], values["white"]], values["grey"])
        return np.asarray(clean + self._noise(values["noise"]) if noise else clean, np.float32)

    def _noise(self, sd: float) -> Array:
        drawn = np.random.Generator(np.random.PCG64(0)).standard_normal(self.number.shape, np.float32)
        return np.asarray(drawn * np.float32(sd), np.float32)

    def _card(self, like: str, image: npt.NDArray[np.floating], folder: Path) -> TemplateCard:
        import nibabel

        path = folder / f"labels-{like}.nii"
        nibabel.save(nibabel.Nifti1Image(image.astype(np.float32), self.volume.affine), path)
        changes = {
            "name": "labels",
            "kind": "acquisition",
            "space": "individual",
            "values": "hounsfield" if like == "scct" else "arbitrary",
            "sources": [LocalFile(local=str(path), sha256=sha256(path), role="image")],
        }
        return load_card(like).model_copy(update=changes)
