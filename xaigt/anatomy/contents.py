"""What is inside the inner table: tissue fractions, their values in the image, and the ventricles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from xaigt.anatomy import mixture
from xaigt.anatomy.cards import TemplateCard, TemplateError
from xaigt.anatomy.geometry import Array, Lattice, Mask, soft
from xaigt.anatomy.intake import Volume, resample
from xaigt.anatomy.standard import Pose, read_standard
from xaigt.anatomy.supplied import tissue_map
from xaigt.anatomy.tissue import TissueMaps

WHITE_MR = 1000.0  # MR is scaled so that white matter has this value
BLURRED_HU, RIM_MM = 55.0, 2.0
LEAST_FLUID_VOXELS = 500
DEEP_MM = 6.0  # from the inner table: beyond the reach of its blur
EXPECTED: dict[str, tuple[str, Callable[[float, float], bool]]] = {  # of grey matter and fluid, white matter = 1
    "T1w": (
        "fluid is darker than grey matter, and that darker than white",
        lambda grey, csf: csf < grey < 1 < 3 * grey,
    ),
    "T2w": ("fluid is brighter than grey matter, and that brighter than white", lambda grey, csf: csf > grey > 1),
    "PDw": ("grey matter is brighter than white", lambda grey, _: 1 < grey < 3),
    "FLAIR": (
        "fluid is darkest, grey matter not much darker than white",
        lambda grey, csf: csf < min(grey, 1) and grey > 0.8,
    ),
}
NEAR_VENTRICLES_MM = 10.0  # how far enlarged ventricles may reach beyond those of the average


def find_tissues(
    card: TemplateCard, volume: Volume, image: Array, brain: Mask, depth: Array, lattice: Lattice, pose: Pose
) -> dict[str, Array]:
    """Fractions of grey matter, white matter and fluid, which fill the inside of the skull."""
    inside = soft(depth)
    if card.has("grey") and card.has("white"):
        grey, white = (resample(tissue_map(card, role, volume), lattice, pose.to_file) for role in ("grey", "white"))
        total = np.maximum(grey + white, 1)
        grey, white = grey / total * inside, white / total * inside
    else:
        priors = tuple(read_standard(name, lattice, pose.scale) for name in mixture.CLASSES)
        in_skull = card.modality == "CT" and card.skull
        # Bone blurs into what lies under it: learn away from it, and take the rim for the fluid that is there.
        clean = brain & (depth > DEEP_MM) & (image < BLURRED_HU) if in_skull else None
        tissues = mixture.estimate(image, brain, (priors[0], priors[1], priors[2]), clean)
        share = inside * (np.clip((depth - 1) / RIM_MM, 0, 1) if in_skull else 1)
        grey, white = tissues.grey * share, tissues.white * share
    return {"grey": grey, "white": white, "csf": np.clip(inside - grey - white, 0, 1)}


def scaled(
    card: TemplateCard, image: Array, depth: Array, tissue: dict[str, Array], ventricles: Mask
) -> tuple[Array, tuple[float, float, float]]:
    """Return the image in stored units (MR: white matter = 1000), and the values of grey, white and fluid in it.

    Values are means over the voxels that are surest, away from the blur of the skull; of fluid, where there is
    enough of it, the median inside the ventricles.
    """
    deep = depth > DEEP_MM
    values = image[deep].astype(np.float64)
    found = []
    for name in ("grey", "white", "csf"):
        sure = tissue[name][deep].astype(np.float64) ** 6
        found.append(float((sure * values).sum() / max(sure.sum(), 1e-9)))
    middle = ndimage.binary_erosion(ventricles, iterations=2)
    if middle.sum() >= LEAST_FLUID_VOXELS:
        found[2] = float(np.median(image[middle]))
    gain = 1.0
    if card.modality != "CT":
        if found[1] <= 0:
            raise TemplateError(
                f"{card.file('image')}: white matter has the value {found[1]:.4g}; it must be above 0. "
                f"Is this {card.modality}?"
            )
        gain = WHITE_MR / found[1]
        check_contrast(card, found[0] * gain, found[2] * gain)
    levels = (round(found[0] * gain, 4), round(found[1] * gain, 4), round(found[2] * gain, 4))
    return image * np.float32(gain), levels


def check_contrast(card: TemplateCard, grey: float, fluid: float) -> None:
    """Refuse an MR image whose grey matter and fluid, beside white matter at 1000, are not of its modality.

    Raises
    ------
    TemplateError
        Naming what was found: another modality, or a tissue map instead of an image.
    """
    if card.modality not in EXPECTED:
        return
    words, fits = EXPECTED[card.modality]
    if not fits(grey / WHITE_MR, fluid / WHITE_MR):
        raise TemplateError(
            f"{card.file('image')}: is no {card.modality}: {words}, but here grey matter is {grey:.0f} and fluid "
            f"{fluid:.0f}, where white matter is {WHITE_MR:.0f}. Another modality, or a tissue map (--grey, --white)?"
        )


def ventricles_of(maps: TissueMaps, csf: Array, pose: Pose) -> Mask:
    """Mask of the ventricles: fluid that is connected to where the average brain has them, at most 10 mm beyond."""
    prior = read_standard("ventricles", maps.lattice, pose.scale)
    fluid = ndimage.gaussian_filter(csf, 0.5) > 0.5
    allowed = fluid & (prior > -NEAR_VENTRICLES_MM) & maps.brain
    opened = ndimage.binary_opening(allowed, iterations=1) | (allowed & (prior > -1))
    labels, _ = ndimage.label(opened)
    seeds = np.unique(labels[(prior > 0.5) & opened])
    chosen = np.isin(labels, seeds[seeds > 0])
    return np.asarray(chosen | (fluid & (prior > 1)), bool)
