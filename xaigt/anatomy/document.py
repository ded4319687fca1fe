"""The reference page of templates, made from the cards and from measurements, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xaigt import catalog
from xaigt.anatomy.cards import LocalFile, load_card
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.lobe_quality import agreement
from xaigt.anatomy.portrait import facts
from xaigt.anatomy.quality import Agreement, against_labels, against_own_maps
from xaigt.anatomy.variation import MEASURES

HEAD = """# Templates

Made by `xaigt templates document`; do not edit by hand.

## The catalogue

| name | modality | what | kind | skull | licence |
|---|---|---|---|---|---|
"""


GRADED = """
## How well anatomy is made out of an image

The estimation is run on an image alone and compared with what is known of it: Dice, and the mean distance of the
surfaces in mm. **Not held out:** the mixture was tuned while looking at `scct` and `mni152-t1`, so their tables
flatter it, and the maps of `mni152-t1` are also its prior. The labelled head was not looked at
for tuning, but for one fault that it showed: poses are now sought from the scale of equal volumes. Its images are made
of its labels (CT: tissue 38, 29 and 8 HU, bone 1000 and 500 HU, soft tissue 40, air -1000, blurred by 0.7 mm,
noise of 4 HU; T1w: skull-stripped 2 mm from tissue, noise of 60 where white matter is 1000): they lack the shading,
the streaks and the disease of real scans. *Inside the skull* is bounded by the inner table: its surface distance is
the error of the inner table in mm. A brain without its skull does not show the inner table: there it is the hull of
the brain, 2.5 mm further out.
"""


def document(measured: Sequence[str] = (), graded: Sequence[str] = (), labels: Path | None = None) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    measured
        Templates whose volumes and tissue values are measured.
    graded
        Templates with real tissue maps, on which the estimation is graded.
    labels
        Label map of a head, on which it is graded too.
    """
    page = HEAD
    for name in catalog.names("templates"):
        card = load_card(name)
        if any(isinstance(source, LocalFile) for source in card.sources):
            continue
        kind = f"{card.kind}, one person" if card.individual else card.kind
        terms = card.licence.split(". ")[0].split(" (C)")[0]
        page += f"| `{name}` | {card.modality} | {card.title} | {kind} | {'yes' if card.skull else 'no'} | {terms} |\n"
    if measured:
        page += (
            "\n## Volumes and intensities\n\nOf the templates as they are, before subjects vary them. Published, mL: "
            f"{_published()} (sources: [how subjects vary](anatomical-variation.md)). "
            "MNI152 and what is aligned to it is larger than most heads.\n\n"
            "| template | inside the skull, mL | brain, mL | ventricles, mL | grey | white | fluid |\n"
            "|---|---|---|---|---|---|---|\n"
        )
        for name in measured:
            found = facts(load_fields(name))
            page += (
                f"| `{name}` | {found.inside_skull_ml:.0f} | {found.brain_ml:.0f} | {found.ventricles_ml:.0f} "
                f"| {found.grey:.4g} | {found.white:.4g} | {found.csf:.4g} |\n"
            )
    if graded or labels:
        page += GRADED
    for name in graded:
        page += _table(f"Estimated tissue of `{name}` against its real maps", against_own_maps(load_card(name)))
    if labels is not None:
        graded_parts = against_labels(labels)
        page += _table(f"Estimated tissue of a head CT made of the labels {labels.name}", graded_parts["CT"])
        page += _table("Estimated tissue of a T1w brain made of the same labels", graded_parts["T1w"])
        page += _table("Lobes by position against the same labels, as far as they have them", graded_parts["lobes"])
    if graded:
        page += _regions()
    return page


def _published() -> str:
    """Ranges of the volumes of healthy adults."""
    volumes = [what for what in MEASURES.values() if what.unit == "mL" and what.published is not None]
    return "; ".join(
        f"{what.title} {what.published.low:g}-{what.published.high:g}" for what in volumes if what.published
    )


def _regions() -> str:
    """Agreement of the lobes with named regions."""
    found = agreement()
    right, all_regions = sum(row[0] for row in found.values()), sum(row[1] for row in found.values())
    page = (
        "\n## Lobes by position against named regions\n\nOf the 160 regions of Dosenbach and others (Science "
        f"329:1358-1361, 2010), {all_regions} have names that tell a lobe; {right} ({right / all_regions:.0%}) of "
        "their MNI positions lie in it.\n\n| lobe by name | regions | in that lobe | elsewhere |\n|---|---|---|---|\n"
    )
    for name, (there, count, others) in found.items():
        elsewhere = ", ".join(f"{other} {number}" for other, number in sorted(others.items())) or "-"
        page += f"| {name} | {count} | {there} | {elsewhere} |\n"
    return page


def _table(title: str, rows: list[Agreement]) -> str:
    page = (
        f"\n## {title}\n\n| structure | Dice | surface distance, mm | found, mL | true, mL |\n|---|---|---|---|---|\n"
    )
    for row in rows:
        page += (
            f"| {row.structure} | {row.dice:.3f} | {row.distance_mm:.2f} | {row.found_ml:.0f} | {row.true_ml:.0f} |\n"
        )
    return page
