"""How well fields are made out of an image: against real tissue maps, and against a labelled head.

Dice of masks (fractions above one half), and the mean distance of surfaces in mm (average symmetric surface distance).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from xaigt.anatomy.cards import TemplateCard
from xaigt.anatomy.geometry import Array, Mask
from xaigt.anatomy.image import Understood, understand
from xaigt.anatomy.intake import resample
from xaigt.anatomy.labelled import CEREBELLUM, DEEP, STEM, Labelled
from xaigt.anatomy.lobes import lobes_at
from xaigt.anatomy.supplied import read_image, tissue_map
from xaigt.lobes import NUMBER


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
    found = understand(bare)
    real = _masks(truth)
    if card.has("csf"):
        image = read_image(card)
        parts = [tissue_map(card, role, image) for role in ("grey", "white", "csf")]
        total = np.sum([resample(part, truth.lattice, truth.pose.to_file) for part in parts], axis=0)
        real["inside the skull"] = np.asarray(total > 0.5)
    else:
        real.pop("inside the skull")
    return [compare(_masks(found)[name], mask, name) for name, mask in real.items()]


def against_labels(labels: Path) -> dict[str, list[Agreement]]:
    """Make images of a label map, understand them, and compare with the labels.

    Parameters
    ----------
    labels
        NIfTI of a labelled head with FreeSurfer's numbers, such as the training maps of SynthSeg.

    Returns
    -------
    dict
        ``T1w`` (a skull-stripped brain), ``CT`` (a head) and ``lobes`` (parts that have labels, in the T1w brain).
    """
    head = Labelled.read(labels)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, card in (("T1w", head.t1(Path(folder))), ("CT", head.ct(Path(folder)))):
            found = understand(card)
            truth = {part: head.on(found, mask) for part, mask in head.masks.items()}
            here = _masks(found)
            result[name] = [compare(here[part], mask, part) for part, mask in truth.items()]
            if name == "T1w":
                result["lobes"] = _parts(found, head)
    return result


def _parts(found: Understood, head: Labelled) -> list[Agreement]:
    """Grade what of the lobes' scheme a label map has: cerebellum, brain stem, deep nuclei, cerebrum."""
    numbers = lobes_at(found.pose.scale, *found.lattice.axes())
    numbers[found.grey + found.white <= 0.5] = 0
    cerebrum = ("frontal", "parietal", "temporal", "occipital", "insula", "deep")
    parts = {
        "cerebrum": (cerebrum, head.brain & ~head.any_of((*CEREBELLUM, *STEM)) & ~head.masks["fluid"]),
        "deep nuclei": (("deep",), head.any_of(DEEP)),
        "cerebellum": (("cerebellum",), head.any_of(CEREBELLUM)),
        "brain stem": (("brain-stem",), head.any_of(STEM)),
    }
    return [
        compare(np.isin(numbers, [NUMBER[name] for name in names]), head.on(found, mask), part)
        for part, (names, mask) in parts.items()
    ]


def _masks(found: Understood) -> dict[str, Mask]:
    solid: Array = found.grey + found.white
    return {
        "grey matter": found.grey > 0.5,
        "white matter": found.white > 0.5,
        "brain (grey or white)": solid > 0.5,
        "fluid": found.csf > 0.5,
        "ventricles": found.ventricles > 0,
        "inside the skull": found.depth > 0,
    }


def _distance(a: Mask, b: Mask, spacing: float) -> float:
    if not a.any() or not b.any():
        return float("nan")
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    to_b = ndimage.distance_transform_edt(~surfaces[1], sampling=spacing)[surfaces[0]]
    to_a = ndimage.distance_transform_edt(~surfaces[0], sampling=spacing)[surfaces[1]]
    return float((to_b.sum() + to_a.sum()) / (to_b.size + to_a.size))
