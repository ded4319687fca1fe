"""MR contrasts rendered from the MNI152 tissue maps: T2, FLAIR, PD, SWI, DWI and ADC of ``mni152-ct``'s head.

Every tissue has one value, over that of white matter (1000). T1w, T2w and FLAIR values of grey matter and fluid
were computed from assumed relaxation times at 3 T; the others are plausible round numbers, and unverified.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xaigt.anatomy.cards import TemplateCard, TemplateError, load_card
from xaigt.anatomy.fields import CHANNELS, FieldArrays
from xaigt.anatomy.geometry import Array, soft

WHITE = 1000.0
CT = "mni152-ct"


class Contrast(NamedTuple):
    """Values over that of white matter."""

    grey: float
    csf: float
    dura: float
    fat: float
    muscle: float
    bone: float


# Grey matter and fluid of T1w, T2w, FLAIR: computed from assumed relaxation times (3 T, white matter = 1). All the
# rest is unverified.
CONTRASTS = {
    "T2w": Contrast(1.6, 3.8, 0.3, 1.6, 0.6, 0.15),
    "FLAIR": Contrast(1.3, 0.0, 0.3, 1.2, 0.7, 0.15),
    "PDw": Contrast(1.15, 1.2, 0.5, 1.3, 0.9, 0.2),
    "SWI": Contrast(1.1, 1.2, 0.4, 1.0, 0.8, 0.1),
    "DWI": Contrast(1.2, 0.3, 0.2, 0.1, 0.4, 0.05),
    "ADC": Contrast(1.1, 4.0, 0.5, 0.1, 1.6, 0.0),
}


def build(card: TemplateCard) -> FieldArrays:
    """Compute the fields of a rendered MR contrast from those of the embedded head CT."""
    if card.modality not in CONTRASTS:
        raise TemplateError(f"template {card.name}: {card.modality} cannot be rendered; one of {', '.join(CONTRASTS)}.")
    contrast = CONTRASTS[card.modality]
    arrays = _head(card)
    channel = dict(zip(CHANNELS, arrays.data, strict=True))
    data = np.array(arrays.data)
    data[CHANNELS.index("soft")] = WHITE * _surroundings(channel, contrast)
    data[CHANNELS.index("bone")] = 0
    levels = (WHITE * contrast.grey, WHITE, WHITE * contrast.csf)
    return FieldArrays(data, arrays.lattice, arrays.push, arrays.centre, levels=levels)


def _head(card: TemplateCard) -> FieldArrays:
    """Fields of the head CT made from the same files: those of ``mni152-ct`` if the card names its files."""
    from xaigt.anatomy.fields import load_fields
    from xaigt.anatomy.mni152 import build as build_ct
    from xaigt.anatomy.mni152 import ventricle_push

    if card.sources != load_card(CT).sources:
        return build_ct(card)
    head = load_fields(CT)  # from the cache, where computing takes long
    push = ventricle_push(head.data[CHANNELS.index("ventricles")])
    return FieldArrays(head.data, head.lattice, push, head.centre)


def _surroundings(channel: dict[str, Array], contrast: Contrast) -> Array:
    """Values of what is neither brain nor fluid, made out in the drawn CT: dura inside; bone, fat, muscle outside."""
    inside = soft(channel["depth"])
    dura = np.clip(inside - channel["grey"] - channel["white"] - channel["csf"], 0, 1) * contrast.dura
    bone = np.clip(channel["bone"] / np.float32(800), 0, 1)
    hu = channel["soft"]
    # Fat at -95 HU and muscle at 50 HU are the only tissues there; from -95 down to -1000 HU it is partly air.
    fat = np.clip((50 - hu) / 145, 0, 1) * np.clip((hu + 1000) / 905, 0, 1)
    muscle = np.clip((hu + 95) / 145, 0, 1)
    outside = (1 - inside) * (1 - bone) * (fat * contrast.fat + muscle * contrast.muscle)
    return np.asarray(dura + outside + bone * contrast.bone, np.float32)
