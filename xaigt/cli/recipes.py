"""``xaigt recipes``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xaigt.synthesis.loading import AnyRecipe

HELP = """List and show recipes: which lesions make which class, on which templates, seen how.

\b
Examples:
  xaigt recipes list
  xaigt recipes show ms                              what it is, every value, and a picture
  xaigt recipes show ms --yaml > mine.yaml           a recipe of your own to start from
"""


@click.group(help=HELP)
def recipes() -> None:
    """List and show recipes."""


@recipes.command("list")
def list_() -> None:
    """Print every recipe of the catalogue."""
    from rich.console import Console
    from rich.table import Table

    from xaigt import catalog
    from xaigt.synthesis.loading import load_recipe
    from xaigt.synthesis.recipe import Recipe

    table = Table(box=None)
    for column in ("name", "task", "modality", "families", "templates"):
        table.add_column(column, no_wrap=column in ("name", "task", "modality"))
    for name in catalog.names("generators"):
        recipe = load_recipe(name)
        groups = recipe.lesions if isinstance(recipe, Recipe) else []
        families = dict.fromkeys(group.family for group in groups)
        table.add_row(
            name, recipe.task, recipe.modality, ", ".join(families) or "as published", ", ".join(recipe.templates)
        )
    Console(width=None if Console().is_terminal else 160).print(table)


@recipes.command()
@click.argument("name")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a field, such as grid.dim=3.")
@click.option("--yaml", "only_yaml", is_flag=True, help="Print the recipe with every default, and nothing else.")
@click.option("-n", "--samples", default=6, show_default=True, type=click.IntRange(1, 24), help="In the picture.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the samples in the picture.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG to write.  [default: ./NAME.png]")
def show(name: str, settings: tuple[str, ...], only_yaml: bool, samples: int, seed: int, output: Path | None) -> None:
    """Print what a recipe is and every value of it, and draw a few samples.

    NAME is a recipe of the catalogue or a YAML file. The text that --yaml prints is a recipe itself.
    """
    import yaml

    from xaigt.synthesis.loading import load_recipe

    recipe = load_recipe(name, settings)
    written = yaml.safe_dump(recipe.written_out(), sort_keys=False, allow_unicode=True, width=110)
    if only_yaml:
        click.echo(written, nl=False)
        return
    _describe(recipe)
    click.echo("\nEvery value, defaults written out:\n")
    click.echo(written)
    from xaigt.cli.progress import progress_bar
    from xaigt.synthesis.portrait import draw

    path = output or Path(f"{recipe.name}.png")
    with progress_bar(recipe.name, "samples") as progress:
        draw(recipe, path, samples=samples, seed=seed, progress=progress)
    click.echo(f"Wrote {path}")


def _describe(recipe: AnyRecipe) -> None:
    click.echo(click.wrap_text(f"{recipe.name}, version {recipe.version}: {recipe.description}", 110) + "\n")
    classes = ", ".join(f"{number} {title}" for number, title in enumerate(recipe.written_out()["classes"]))
    rows = {
        "task": recipe.task,
        "classes": classes,
        "modality": f"{recipe.modality}, {recipe.grid.dim}-D",
        "templates": ", ".join(recipe.templates),
        "lesions": _groups(recipe),
        "class_defining": ", ".join(recipe.class_defining) or "nothing but the lesion",
    }
    rows |= {"sources" if number == 0 else " " * number: source for number, source in enumerate(recipe.sources)}
    for title, text in rows.items():
        lead = f"  {title + ':' if title.strip() else '':<16}"
        click.echo(click.wrap_text(text, 110, initial_indent=lead, subsequent_indent=" " * len(lead)))


def _groups(recipe: AnyRecipe) -> str:
    from xaigt.synthesis.recipe import Recipe

    if not isinstance(recipe, Recipe):
        return "as published"
    return "; ".join(f"{group.family} ({group.role}, {_count(group.count)})" for group in recipe.lesions)


def _count(count: object) -> str:
    bounds = getattr(count, "integers", None)
    return f"{bounds[0]} to {bounds[1]}" if bounds else str(count)
