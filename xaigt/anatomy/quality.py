"""How well fields are made out of an image: against real tissue maps, and against a labelled head.

Dice of masks (fractions above one half), and the mean distance of surfaces in mm (average symmetric surface distance).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from xaigt.anatomy.cards import LocalFile, TemplateCard, load_card
from xaigt.anatomy.geometry import Array, Mask
from xaigt.anatomy.image import Understood, understand
from xaigt.anatomy.intake import Volume, read_volume, resample

# Numbers of FreeSurfer's colour table: left, right.
WHITE = (2, 41, 7, 46, 16, 28, 60, 77, 85, 192)
VENTRICLES = (4, 43, 5, 44, 14, 15, 72)
FLUID = (24, 30, 31, 62, 63)
FIRST_EXTRACEREBRAL = 500


@dataclass(frozen=True)
class Agreement:
    """One row of the table: a structure, its Dice, the distance of its surfaces in mm, both volumes in mL."""

    structure: str
    dice: float
    distance_mm: float
    found_ml: float
    true_ml: float


def compare(found: Mask, truth: Mask, structure: str, spacing: float = 1.0) -> Agreement:
    """Compare two masks on one lattice of cubic voxels of `spacing` mm."""
    both = int(np.count_nonzero(found)) + int(np.count_nonzero(truth))
    overlap = 2 * int(np.count_nonzero(found & truth)) / both if both else 1.0
    voxel_ml = spacing**3 / 1000
    return Agreement(
        structure,
        round(overlap, 3),
        round(_distance(found, truth, spacing), 2),
        round(float(np.count_nonzero(found)) * voxel_ml, 1),
        round(float(np.count_nonzero(truth)) * voxel_ml, 1),
    )


def against_own_maps(card: TemplateCard) -> list[Agreement]:
    """Estimate the tissue of a template without its maps, and compare with what its maps say.

    Parameters
    ----------
    card
        A template that has grey- and white-matter maps, such as ``scct``.
    """
    truth = understand(card)
    bare = card.model_copy(
        update={"sources": [source for source in card.sources if source.role not in ("grey", "white", "csf")]}
    )
    return [compare(a, b, name) for name, a, b in _pairs(understand(bare), truth)]


def against_labels(labels: Path, folder: Path) -> list[Agreement]:
    """Make a skull-stripped T1w brain of a label map, understand it, and compare with the labels.

    Labels are FreeSurfer's. Grey matter, white matter and fluid get 600, 1000 and 150, with noise of 60.

    Parameters
    ----------
    labels
        NIfTI of a labelled head, such as the training maps of SynthSeg.
    folder
        Where the image is written, for as long as it is needed.
    """
    import nibabel

    volume = read_volume(labels)
    number = np.round(volume.data).astype(np.int32)
    brain = (number > 0) & (number < FIRST_EXTRACEREBRAL)
    white, ventricles = np.isin(number, WHITE), np.isin(number, VENTRICLES)
    fluid = ventricles | np.isin(number, FLUID)
    values = np.select([fluid, white, brain], [150.0, 1000.0, 600.0], 0.0)
    noise = np.random.Generator(np.random.PCG64(0)).normal(0, 60, values.shape)
    image = np.where(brain, np.maximum(values + noise, 1), 0).astype(np.float32)
    path = folder / "labels-T1w.nii"
    nibabel.save(nibabel.Nifti1Image(image, volume.affine), path)
    card = load_card("mni152-t1").model_copy(
        update={
            "name": "labels",
            "space": "individual",
            "sources": [
                LocalFile(local=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest(), role="image"),
            ],
        }
    )
    found = understand(card)

    def truth(mask: Mask) -> Mask:
        own = Volume(mask.astype(np.float32), volume.affine, labels)
        return np.asarray(resample(own, found.lattice, found.pose.to_file) > 0.5)

    return [
        compare(found.grey > 0.5, truth(brain & ~white & ~fluid), "grey matter"),
        compare(found.white > 0.5, truth(white), "white matter"),
        compare(found.grey + found.white > 0.5, truth(brain & ~fluid), "brain (grey or white)"),
        compare(found.ventricles > 0, truth(ventricles), "ventricles"),
    ]


def _pairs(found: Understood, truth: Understood) -> list[tuple[str, Mask, Mask]]:
    def solid(head: Understood) -> Array:
        return head.grey + head.white

    return [
        ("grey matter", found.grey > 0.5, truth.grey > 0.5),
        ("white matter", found.white > 0.5, truth.white > 0.5),
        ("brain (grey or white)", solid(found) > 0.5, solid(truth) > 0.5),
        ("fluid", found.csf > 0.5, truth.csf > 0.5),
        ("ventricles", found.ventricles > 0, truth.ventricles > 0),
    ]


def _distance(a: Mask, b: Mask, spacing: float) -> float:
    if not a.any() or not b.any():
        return float("nan")
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    to_b = ndimage.distance_transform_edt(~surfaces[1], sampling=spacing)[surfaces[0]]
    to_a = ndimage.distance_transform_edt(~surfaces[0], sampling=spacing)[surfaces[1]]
    return float((to_b.sum() + to_a.sum()) / (to_b.size + to_a.size))
