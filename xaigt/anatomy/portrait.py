"""What was understood of a template, in numbers and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xaigt.anatomy.cards import TemplateCard, load_card
from xaigt.anatomy.fields import CHANNELS, Fields, load_fields
from xaigt.anatomy.geometry import Array
from xaigt.anatomy.lobes import lobe_map
from xaigt.lobes import NUMBER

CT_LEVELS = (38.0, 29.0, 8.0)  # HU of grey matter, white matter, fluid where a template has no values of its own


@dataclass(frozen=True)
class Facts:
    """Volumes in mL, and the values of the tissues in stored units."""

    inside_skull_ml: float
    brain_ml: float
    fluid_ml: float
    ventricles_ml: float
    grey: float
    white: float
    csf: float


def facts(fields: Fields) -> Facts:
    """Measure a template."""
    channel = dict(zip(CHANNELS, fields.data, strict=True))
    voxel_ml = fields.lattice.spacing**3 / 1000
    levels = fields.levels or CT_LEVELS
    return Facts(
        round(float(np.count_nonzero(channel["depth"] > 0)) * voxel_ml, 1),
        round(float((channel["grey"] + channel["white"]).sum(dtype=np.float64)) * voxel_ml, 1),
        round(float(channel["csf"].sum(dtype=np.float64)) * voxel_ml, 1),
        round(float(np.count_nonzero(channel["ventricles"] > 0)) * voxel_ml, 1),
        *levels,
    )


def template_image(fields: Fields) -> Array:
    """Return the image of a template in stored units, ``[z, y, x]``, without any subject."""
    channel = dict(zip(CHANNELS, fields.data, strict=True))
    grey, white, csf = (np.float32(level) for level in fields.levels or CT_LEVELS)
    return np.asarray(
        grey * channel["grey"] + white * channel["white"] + csf * channel["csf"] + channel["bone"] + channel["soft"],
        np.float32,
    )


def window(card: TemplateCard, fields: Fields, image: Array) -> tuple[float, float]:
    """Values to draw black and white: 0 to 80 HU, or 0 to what nearly all of the brain stays below."""
    if card.modality == "CT":
        return 0.0, 80.0
    inside = image[fields.data[CHANNELS.index("depth")] > 0]
    return 0.0, max(float(np.percentile(inside, 99.5)), 1.0)


def draw(name: str, path: Path, understood: bool) -> Facts:
    """Write the picture of a template; with `understood`, outlines and compartments on top.

    Parameters
    ----------
    name
        A template of the catalogue.
    path
        PNG to write.
    understood
        Whether to draw brain, inner table, ventricles, midline, compartments and lobes.
    """
    from xaigt.report.heads import template_picture

    card, fields = load_card(name), load_fields(name)
    image = template_image(fields)
    channel = dict(zip(CHANNELS, fields.data, strict=True))
    outlines, filled = None, []
    if understood:
        inside, parenchyma, ventricles = (channel[part] > 0 for part in ("depth", "parenchyma", "ventricles"))
        outlines = {
            "inner table": channel["depth"],
            "brain": channel["grey"] + channel["white"] - np.float32(0.5),
            "ventricles": channel["ventricles"],
        }
        numbers = lobe_map(fields)
        filled = [
            {
                "parenchyma": parenchyma & inside,
                "ventricles": ventricles & inside,
                "sulci and cisterns": inside & ~parenchyma & ~ventricles,
            },
            {name: numbers == number for name, number in NUMBER.items()},
        ]
    template_picture(
        image,
        fields.lattice.origin,
        window(card, fields, image),
        f"{card.name}: {card.title} ({card.modality}, {card.kind})",
        path,
        outlines=outlines,
        filled=filled,
    )
    return facts(fields)
