"""How much the subjects drawn from a template differ: volumes, midline and intensities, beside published ranges."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from xaigt.anatomy.cards import load_card
from xaigt.anatomy.fields import Fields, load_fields
from xaigt.anatomy.subjects import Subject, SubjectMap, SubjectRecipe, draw_subject
from xaigt.anatomy.world import Anatomy
from xaigt.randomness import stream

STEP_MM = 4.0
MARGIN_MM = 25.0  # a moved and larger head reaches beyond the template's box
# Where the falx is fixed in front and behind, and the septum between them (z, y, x; mm).
FALX, SEPTUM = ((15.0, 70.0, 0.0), (15.0, -100.0, 0.0)), (15.0, 5.0, 0.0)


@dataclass(frozen=True)
class Published:
    """Range that papers give for healthy adults, and where it is from."""

    low: float
    high: float
    source: str


@dataclass(frozen=True)
class Measure:
    """One thing that is measured of a subject; `published` is None where no range is known."""

    title: str
    unit: str
    published: Published | None


_MATSUMAE = (
    "Matsumae and others, J Neurosurg 84:982-991, 1996: 49 adults of 24 to 80 years, mean of women - 2 SD to mean of "
    "men + 2 SD (abstract)"
)
MEASURES = {
    "inside_skull_ml": Measure("inside the skull", "mL", Published(1289 - 2 * 111, 1469 + 2 * 102, _MATSUMAE)),
    "brain_ml": Measure("brain", "mL", Published(1143 - 2 * 105, 1302 + 2 * 112, _MATSUMAE)),
    "ventricles_ml": Measure(
        "ventricles", "mL",
        Published(
            10, 60,
            "[unverified]; a mean of 17.4 mL in 38 adults is in the abstract of 'Evaluation of encephalic ventricular "
            "volume from the magnetic resonance imaging scans of thirty-eight human subjects', Surg Radiol Anat",
        ),
    ),
    "midline_mm": Measure("midline: septum off the line of the falx", "mm", Published(-3, 3, "[unverified]")),
    "grey": Measure("grey matter", "HU", Published(37, 41, "[unverified]")),
    "white": Measure("white matter", "HU", Published(25, 33, "[unverified]")),
    "fluid": Measure("fluid", "HU", Published(0, 15, "[unverified]")),
}  # fmt: skip


def measure(fields: Fields, subject: Subject) -> dict[str, float]:
    """Measure one subject of a template: the names are those of :data:`MEASURES`.

    Volumes are sums over a lattice of 4 mm of scanner space. The midline is the signed distance (mm, positive to the
    right) of the septum pellucidum from the line between the ends of the falx in the axial plane.
    """
    anatomy = Anatomy(fields, SubjectMap(subject, fields, torch.device("cpu")))
    low = np.array(fields.lattice.origin) - MARGIN_MM
    high = np.array(fields.lattice.origin) + fields.lattice.spacing * np.array(fields.lattice.shape) + MARGIN_MM
    axes = [np.arange(start, stop, STEP_MM) for start, stop in zip(low, high, strict=True)]
    points = anatomy.lattice((axes[0], axes[1], axes[2]))
    voxel_ml = STEP_MM**3 / 1000

    def volume(values: torch.Tensor) -> float:
        return round(float(values.double().sum()) * voxel_ml, 1)

    read = {name: anatomy(points, name) for name in ("depth", "grey", "white", "ventricles")}
    return {
        "inside_skull_ml": volume(read["depth"] > 0),
        "brain_ml": volume(read["grey"] + read["white"]),
        "ventricles_ml": volume(read["ventricles"] > 0),
        "midline_mm": round(_midline(anatomy), 2),
        "grey": subject.grey_hu,
        "white": subject.white_hu,
        "fluid": subject.csf_hu,
    }


def _midline(anatomy: Anatomy) -> float:
    (front, back), septum = (np.array([anatomy.to_scanner(end) for end in FALX])[:, 1:], anatomy.to_scanner(SEPTUM)[1:])
    along = (front - back) / np.linalg.norm(front - back)
    offset = np.array(septum) - back
    return float(offset[1] * along[0] - offset[0] * along[1])


def drawn(template: str, recipe: SubjectRecipe, count: int, seed: int = 0) -> list[dict[str, float]]:
    """Measure the subjects that samples 0 to count - 1 of a recipe would have on a template.

    Parameters
    ----------
    template
        A template of the catalogue.
    recipe
        How subjects vary.
    count
        How many to measure.
    seed
        Of the dataset.
    """
    fields = load_fields(template)
    own = load_card(template).modality != "CT" or recipe.levels == "template"
    levels = fields.levels if own else None
    return [measure(fields, draw_subject(stream(seed, number, "subject"), recipe, levels)) for number in range(count)]


def table(found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Return Markdown: for each template and measure mean, SD, range, and the published range."""
    page = (
        "| template | measure | mean | SD | least to most | published | within it |\n"
        "|---|---|---|---|---|---|---|\n"
    )  # fmt: skip
    for template, subjects in found.items():
        hounsfield = load_card(template).modality == "CT"
        for name, what in MEASURES.items():
            values = np.array([subject[name] for subject in subjects])
            shown = what.published if hounsfield or what.unit != "HU" else None
            unit = what.unit if hounsfield or what.unit != "HU" else "stored"
            span = f"{shown.low:g} to {shown.high:g}" if shown else "-"
            share = f"{np.mean((values >= shown.low) & (values <= shown.high)):.0%}" if shown else "-"
            page += (
                f"| `{template}` | {what.title}, {unit} | {values.mean():.4g} | {values.std(ddof=1):.3g} | "
                f"{values.min():.4g} to {values.max():.4g} | {span} | {share} |\n"
            )
    return page


def sources() -> str:
    """Return Markdown: where the published ranges are from."""
    return "".join(f"- {what.title}: {what.published.source}.\n" for what in MEASURES.values() if what.published)


def write_page(
    found: dict[str, list[dict[str, float]]], recipe: str | None, seed: int, path: Path, figure: Path | None
) -> None:
    """Write the page of a measurement: what was drawn, the table, the figure and the sources.

    Parameters
    ----------
    found
        Template -> measured subjects.
    recipe, seed
        What they were drawn from; None: the defaults.
    path
        Markdown file.
    figure
        PNG to draw and to link, or None.
    """
    count = len(next(iter(found.values())))
    words = f"of the recipe `{recipe}`" if recipe else "as recipes draw them that say nothing of `subject`"
    page = (
        "# How subjects vary\n\nMade by `xaigt templates variation`; do not edit by hand.\n\n"
        f"{count} subjects of each template, {words}, seed {seed}. Volumes are of whole heads; published "
        "ranges are of healthy adults. A template whose brain is larger than most (MNI152 and what is aligned "
        "to it is) has subjects that are: where absolute size matters, set `subject.scale`.\n\n" + table(found)
    )
    if figure is not None:
        from xaigt.report.ranges import histograms

        shown = {f"{what.title}, {what.unit}": name for name, what in MEASURES.items()}
        histograms(
            {title: {t: [s[name] for s in subjects] for t, subjects in found.items()} for title, name in shown.items()},
            {title: (p.low, p.high) if (p := MEASURES[name].published) else None for title, name in shown.items()},
            figure,
        )
        page += f"\n![Histograms of the table, published ranges shaded]({os.path.relpath(figure, path.parent)})\n"
    path.write_text(page + "\n## Published ranges\n\n" + sources(), encoding="utf-8")
