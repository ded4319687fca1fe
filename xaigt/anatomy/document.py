"""The reference page of templates, made from the cards and from measurements, never by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from xaigt import catalog
from xaigt.anatomy.cards import LocalFile, load_card
from xaigt.anatomy.fields import load_fields
from xaigt.anatomy.portrait import facts
from xaigt.anatomy.quality import Agreement, against_labels, against_own_maps

# Of healthy adults, from general knowledge: no paper was opened for them, so they are marked as unverified.
PUBLISHED = "inside the skull 1,200-1,700; brain 950-1,500; ventricles 10-60 [unverified]"

HEAD = """# Templates

Made by `xaigt templates document`; do not edit by hand.

## The catalogue

| name | modality | what | kind | skull | licence |
|---|---|---|---|---|---|
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
            f"{PUBLISHED}. MNI152 and what is aligned to it is larger than most heads.\n\n"
            "| template | inside the skull, mL | brain, mL | ventricles, mL | grey | white | fluid |\n"
            "|---|---|---|---|---|---|---|\n"
        )
        for name in measured:
            found = facts(load_fields(name))
            page += (
                f"| `{name}` | {found.inside_skull_ml:.0f} | {found.brain_ml:.0f} | {found.ventricles_ml:.0f} "
                f"| {found.grey:.4g} | {found.white:.4g} | {found.csf:.4g} |\n"
            )
    for name in graded:
        page += _table(f"Estimated tissue of `{name}` against its real maps", against_own_maps(load_card(name)))
    if labels is not None:
        with tempfile.TemporaryDirectory() as folder:
            rows = against_labels(labels, Path(folder))
        page += _table(f"Estimated tissue of a T1w brain made of the labels {labels.name}", rows)
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
