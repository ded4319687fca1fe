"""``xaigt templates``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xaigt.anatomy.cards import TemplateCard
    from xaigt.anatomy.portrait import Facts

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
MODALITIES = ["CT", "T1w", "T2w", "PDw", "FLAIR", "SWI", "DWI", "ADC"]
Mirror = click.option(
    "--mirror",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the same bytes under any name, matched by sha256.  [default: $XAIGT_MIRROR]",
)


HELP = """List, show, fetch, add and check templates: the anatomy that lesions are planted into.

\b
Examples:
  xaigt templates list
  xaigt templates fetch scct                         the real average head CT, 3.6 MB
  xaigt templates show scct
  xaigt templates add head.nii.gz --modality CT      a volume of your own; the data stay where they are
  xaigt templates check head-1a2b3c                  draw what was understood of it
"""


@click.group(help=HELP)
def templates() -> None:
    """List, show, fetch, add and check templates."""


@templates.command("list")
@click.option("--modality", type=click.Choice(MODALITIES), help="Only these.")
def list_(modality: str | None) -> None:
    """Print every template of the catalogue."""
    from rich.console import Console
    from rich.table import Table

    from xaigt import catalog
    from xaigt.anatomy.cards import load_card

    table = Table(box=None)
    for column in ("name", "modality", "kind", "skull", "data", "terms", "what it is"):
        table.add_column(column, no_wrap=column != "what it is")
    for name in catalog.names("templates"):
        card = load_card(name)
        if modality in (None, card.modality):
            terms = "restricted" if card.restrictions() else "free"
            kind = f"{card.kind}, 1 person" if card.individual else card.kind
            table.add_row(name, card.modality, kind, "yes" if card.skull else "no", _where(card), terms, card.title)
    Console(width=None if Console().is_terminal else 160).print(table)


@templates.command()
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG to write.  [default: ./NAME.png]")
@Mirror
def show(name: str, output: Path | None, mirror: Path | None) -> None:
    """Print the card of a template, and draw it."""
    from xaigt.anatomy.cards import load_card
    from xaigt.anatomy.portrait import draw

    card = load_card(name)
    _print_card(card)
    _fetch(card, mirror, only_mirror=True)
    if _where(card) == "to fetch":
        click.echo(f"Its data are not here, so it cannot be drawn; run: xaigt templates fetch {name}")
        return
    path = output or Path(f"{name}.png")
    draw(name, path, understood=False)
    click.echo(f"Wrote {path}")


@templates.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@Mirror
def fetch(names: tuple[str, ...], mirror: Path | None) -> None:
    """Download the files of templates (once), each verified by its sha256."""
    from xaigt.anatomy.cards import load_card

    for name in names:
        card = load_card(name)
        _terms(card)
        _fetch(card, mirror)
        click.echo(f"{name}: here and verified.")


@templates.command()
@click.argument("places", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(path_type=Path))
@click.option("--modality", type=click.Choice(MODALITIES), help="What it is.  [default: by its BIDS suffix]")
@click.option("--name", help="Name of the template (one file only).  [default: of the file]")
@click.option("--brain", type=FILE, help="Mask of the brain (one file only).")
@click.option("--grey", type=FILE, help="Grey-matter map, 0..1, 0..100 or 0..255.")
@click.option("--white", type=FILE, help="White-matter map.")
@click.option(
    "--slice-positions",
    type=FILE,
    help="Where uneven slices lie, mm: text or JSON (one file only).  [default: SlicePositions of its JSON sidecar]",
)
@click.option("--values", type=click.Choice(["hounsfield", "cormack"]), help="CT: what its numbers are.")
@click.option("--licence", help="Its terms, in words.  [default: not stated, all rights reserved]")
@click.option("--redistribution/--no-redistribution", default=False, help="Whether it may be passed on.")
@click.option("--commercial/--no-commercial", default=False, help="Whether it may be used commercially.")
@click.option("--citation", default="None given.", help="What to cite.")
@click.option("--check/--no-check", default=True, help="Try at once whether it can be understood.")
def add(
    places: tuple[Path, ...],
    modality: str | None,
    name: str | None,
    brain: Path | None,
    grey: Path | None,
    white: Path | None,
    slice_positions: Path | None,
    values: str | None,
    check: bool,
    **terms: str | bool,
) -> None:
    """Add volumes of your own: NIfTI files, or a BIDS folder. The data stay where they are."""
    from dataclasses import replace

    from xaigt.anatomy.adding import add as add_scan
    from xaigt.anatomy.adding import find_scans, understood
    from xaigt.anatomy.uneven import read_positions

    scans = [scan for place in places for scan in find_scans(place, modality)]  # type: ignore[arg-type]
    if (grey is None) != (white is None):
        raise click.UsageError("Give --grey and --white together.")
    given = {role: path for role, path in (("brain", brain), ("grey", grey), ("white", white)) if path is not None}
    if len(scans) > 1 and (name or given or slice_positions):
        raise click.UsageError("--name, --brain, --grey, --white and --slice-positions are for one file at a time.")
    for scan in scans:
        positions = read_positions(slice_positions) if slice_positions else scan.positions
        whole = replace(scan, maps={**scan.maps, **given}, positions=positions)
        card = add_scan(whole, name=name, values=values, **terms)  # type: ignore[arg-type]
        if check:
            understood(card)
        click.echo(f"{scan.path}: added as {card.name}. See what was understood: xaigt templates check {card.name}")


@templates.command()
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG to write.  [default: ./NAME-check.png]")
@Mirror
def check(name: str, output: Path | None, mirror: Path | None) -> None:
    """Draw what was understood of a template: brain, ventricles, inner table, midline, compartments, lobes."""
    from xaigt.anatomy.cards import load_card
    from xaigt.anatomy.portrait import draw

    card = load_card(name)
    _fetch(card, mirror, only_mirror=True)
    path = output or Path(f"{name}-check.png")
    _print_facts(card, draw(name, path, understood=True))
    click.echo(f"Wrote {path}")


@templates.command()
@click.option("--measure", multiple=True, metavar="NAME", help="Measure the volumes of this template.")
@click.option("--grade", multiple=True, metavar="NAME", help="Grade the estimation of tissue on its real maps.")
@click.option("--labels", type=FILE, help="Grade it on a labelled head, too (FreeSurfer's numbers).")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Markdown file to write.")
def document(measure: tuple[str, ...], grade: tuple[str, ...], labels: Path | None, output: Path) -> None:
    """Write the reference page of templates: catalogue, volumes, quality."""
    from xaigt.anatomy.document import document as page

    output.write_text(page(measure, grade, labels), encoding="utf-8")
    click.echo(f"Wrote {output}")


@templates.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-n", "--subjects", default=100, show_default=True, type=click.IntRange(2), help="How many of each.")
@click.option("--recipe", metavar="NAME|FILE", help="How subjects vary.  [default: as recipes do that say nothing]")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the dataset.")
@click.option("--figure", type=click.Path(path_type=Path), help="PNG to write, beside the table.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Markdown file to write.")
@Mirror
def variation(
    names: tuple[str, ...],
    subjects: int,
    recipe: str | None,
    seed: int,
    figure: Path | None,
    output: Path,
    mirror: Path | None,
) -> None:
    """Measure how drawn subjects vary (volumes, midline, intensities), beside published ranges."""
    from xaigt.anatomy.cards import load_card
    from xaigt.anatomy.subjects import SubjectRecipe
    from xaigt.anatomy.variation import drawn, write_page

    for name in names:
        _fetch(load_card(name), mirror, only_mirror=True)
    varying = SubjectRecipe()
    if recipe is not None:
        from xaigt.synthesis.loading import composed, load_recipe

        varying = composed(load_recipe(recipe)).subject
    write_page({name: drawn(name, varying, subjects, seed) for name in names}, recipe, seed, output, figure)
    click.echo(f"Wrote {output}" + (f" and {figure}" if figure else ""))


def _where(card: TemplateCard) -> str:
    from xaigt.anatomy.cards import LocalFile, RemoteFile
    from xaigt.anatomy.files import fetched

    remote = [source for source in card.sources if isinstance(source, RemoteFile)]
    if remote:
        return "fetched" if all(fetched(source) for source in remote) else "to fetch"
    return "own" if any(isinstance(source, LocalFile) for source in card.sources) else "embedded"


def _fetch(card: TemplateCard, mirror: Path | None, only_mirror: bool = False) -> None:
    from xaigt.anatomy.fetch import fetch
    from xaigt.anatomy.files import mirror_folder
    from xaigt.cli.progress import progress_bar

    if only_mirror and mirror is None and mirror_folder() is None:
        return
    if _where(card) != "to fetch":
        return
    if only_mirror:
        fetch(card, mirror, download=False)
        return
    with progress_bar(card.name, "bytes") as progress:
        fetch(card, mirror, progress)


def _terms(card: TemplateCard) -> None:
    restrictions = card.restrictions()
    click.echo(f"{card.name}: {card.licence}")
    if restrictions:
        click.echo(f"{card.name}: {' and '.join(restrictions)}.", err=True)


def _print_card(card: TemplateCard) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    rows = {
        "name": card.name,
        "title": card.title,
        "description": card.description,
        "modality": f"{card.modality} ({card.kind}{', one person' if card.individual else ''})",
        "units": card.units,
        "space": f"{card.space}, {card.orientation}",
        "skull": "yes" if card.skull else "no",
        "tissue maps": "its own" if card.has("grey") else "estimated",
        "data": _where(card),
        "licence": card.licence,
        "terms": " and ".join(card.restrictions()) or "redistribution and commercial use are allowed",
        "citation": card.citation,
    }
    for key, value in rows.items():
        table.add_row(key, value)
    for source in card.sources:
        place = getattr(source, "url", None) or getattr(source, "local", None) or f"package {source.package}"  # type: ignore[union-attr]
        table.add_row(source.role, f"{place}\nsha256 {source.sha256}")
    Console(width=None if Console().is_terminal else 140).print(table, soft_wrap=False)


def _print_facts(card: TemplateCard, found: Facts) -> None:
    click.echo(
        f"{card.name}: {found.inside_skull_ml:.0f} mL inside the skull, brain {found.brain_ml:.0f} mL, "
        f"fluid {found.fluid_ml:.0f} mL, ventricles {found.ventricles_ml:.0f} mL; "
        f"grey {found.grey:.4g}, white {found.white:.4g}, fluid {found.csf:.4g} ({card.units})"
    )
    from xaigt.anatomy.fields import load_fields
    from xaigt.anatomy.lobes import lobe_volumes

    parts = ", ".join(f"{name} {volume:.0f}" for name, volume in lobe_volumes(load_fields(card.name)).items())
    click.echo(f"{card.name}: brain tissue by lobes (a scheme by position, no atlas), mL: {parts}")
