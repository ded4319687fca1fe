"""Published numbers of MR lesions, beside which generated ones are laid: one table, read by the realism pages.

Sources are named in the recipes of generators/. What is `verified` was published as a measurement or follows from the
usual definition; the rest is general knowledge or a choice of ours, and is said to be so on the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MEASURED = "measured in patients"
DEFINED = "usual definition"
COMPUTED = "computed from assumed relaxation times, 3 T"
ASSUMED = "unverified"

Kind = Literal["mean and SD", "range", "shares"]


@dataclass(frozen=True)
class Published:
    """One quantity of one family.

    Parameters
    ----------
    family
        Name of the family, and of the recipe that is looked at.
    quantity
        What is measured of generated lesions: a key of :data:`xaigt.synthesis.realism_mr.MEASURES`.
    kind
        How it was published.
    value
        Mean and SD, or low and high, or the bounds of classes.
    counts
        Of the classes, for shares.
    source
        One of the words of this module.
    contrast
        Of an image value.
    """

    family: str
    quantity: str
    kind: Kind
    value: tuple[float, ...]
    source: str
    contrast: str | None = None
    counts: tuple[int, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the number does not rest on us."""
        return self.source != ASSUMED


def _values(family: str, kind: Kind, source: str, **by_contrast: tuple[float, float]) -> list[Published]:
    return [Published(family, "value", kind, value, source, name) for name, value in by_contrast.items()]


PUBLISHED: tuple[Published, ...] = (
    *_values("white-matter", "range", COMPUTED, T1w=(0.82, 0.91), T2w=(1.6, 2.2), FLAIR=(1.5, 1.9)),
    Published("white-matter", "diameter", "range", (4.0, 23.0), ASSUMED),
    Published(
        "ms",
        "volume",
        "shares",
        (50, 100, 500, 1000, 5000, float("inf")),
        MEASURED,
        counts=(951, 945, 139, 118, 76),
    ),
    Published("ms", "diameter", "range", (3.0, float("inf")), DEFINED),
    Published("ms", "load of 10 to 80", "range", (5.0, 50.0), MEASURED),
    *_values(
        "ms", "mean and SD", MEASURED, T1w=(0.791, 0.139), T2w=(1.374, 0.353), FLAIR=(1.323, 0.068), PDw=(1.328, 0.133)
    ),
    Published("ms", "value", "mean and SD", (1.414, 0.0), MEASURED, "ADC"),
    *_values("tumor", "range", ASSUMED, T1w=(1.3, 2.0)),
    Published("tumor", "diameter", "range", (17.9, 48.6), ASSUMED),
    Published("tumor", "value of the core", "range", (0.5, 0.6), ASSUMED, "T1w"),
    *(
        Published("tumor", "value of the oedema", "range", (value, value), COMPUTED, name)
        for name, value in (("T1w", 0.79), ("T2w", 2.5), ("FLAIR", 1.95))
    ),
    *_values("stroke", "range", ASSUMED, DWI=(1.5, 2.5), ADC=(0.5, 0.7)),
    Published("stroke", "diameter", "range", (17.9, 61.2), ASSUMED),
    Published("lacune", "diameter", "range", (3.0, 15.0), DEFINED),
    *_values("lacune", "range", COMPUTED, T1w=(0.42, 0.42), T2w=(3.8, 3.8)),
    *_values("lacune", "range", ASSUMED, FLAIR=(0.0, 0.2)),
    Published("microbleed", "diameter", "range", (2.0, 10.0), DEFINED),
    *_values("microbleed", "range", ASSUMED, SWI=(0.1, 0.4)),
    Published("calcification", "diameter", "range", (2.0, 10.0), ASSUMED),
    *_values("calcification", "range", ASSUMED, CT=(100.0, 400.0), SWI=(0.1, 0.4)),
)

FAMILIES = tuple(dict.fromkeys(item.family for item in PUBLISHED))
