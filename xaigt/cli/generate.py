"""``xaigt generate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xaigt.cli.terms import print_restrictions
from xaigt.cli.types import Axes, Splits

if TYPE_CHECKING:
    from xaigt.dataset.reading import Dataset
    from xaigt.execution import Engine
    from xaigt.synthesis.loading import AnyRecipe

SMALL = 256  # samples below which starting worker processes costs more than it saves

HELP = """Make a dataset: lesions with exact masks in real anatomy.

Every sample is an image, its healthy twin (same subject, same noise, no lesion), the lesion's mask and the reason
why voxels differ. Sample 7 of a seed is the same whatever the number of samples or workers. A command that was
interrupted goes on where it was when it is repeated.

\b
Examples:
  xaigt generate --lesion hemorrhage                         200 slices of head CT in ./hemorrhage
  xaigt generate --lesion hemorrhage --dim 3 -n 20 -o heads  20 volumes of 128 x 128 x 128
  xaigt generate --lesion hemorrhage --set acquisition.noise_hu=0 --dry-run
"""


@click.command(help=HELP)
@click.option("--lesion", metavar="NAME", help="Recipe of the catalogue, such as hemorrhage.")
@click.option("--recipe", metavar="NAME|FILE", help="The same, or a recipe file (.yaml) of your own.")
@click.option("-n", "--samples", default=200, show_default=True, type=click.IntRange(1), help="Number of samples.")
@click.option("--dim", type=click.Choice(["2", "3"]), help="Slices or volumes.  [default: of the recipe]")
@click.option("--size", type=Axes(int, "voxels"), help="Voxels: 224, rows x columns, or slices x rows x columns.")
@click.option("--spacing", type=Axes(float, "mm"), help="mm between voxels, in the order of --size.")
@click.option("--thickness", type=float, metavar="MM", help="Slice thickness.  [default: 5 in 2-D, spacing in 3-D]")
@click.option("--template", "templates", multiple=True, metavar="NAME", help="Anatomy; may be given several times.")
@click.option("--task", metavar="NAME", help="What the class is.  [default: of the recipe]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a field of the recipe.")
@click.option("--splits", type=Splits(), default="0.7/0.15/0.15", show_default=True, help="Train/validation/test.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of everything random.")
@click.option("--workers", default=0, type=click.IntRange(0), help="Processes.  [default: as many as pay off]")
@click.option(
    "--engine",
    type=click.Choice(["auto", "local", "processes", "dask"]),
    default="auto",
    show_default=True,
    help="Where: here, in processes, or on a Dask cluster.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of the engine dask, such as tcp://10.0.0.1:8786.")
@click.option("--device", default="cpu", show_default=True, help="cpu, or cuda: voxels may differ by 1 HU there.")
@click.option(
    "--dry-run", is_flag=True, help="Print the recipe, every default written out, and the cost; make nothing."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Directory.  [default: ./NAME of the recipe]")
def generate(
    lesion: str | None,
    recipe: str | None,
    samples: int,
    settings: tuple[str, ...],
    splits: dict[str, float],
    seed: int,
    workers: int,
    engine: Engine,
    scheduler: str | None,
    device: str,
    dry_run: bool,
    output: Path | None,
    **grid: Any,
) -> None:
    """Make a dataset."""
    chosen = _recipe(lesion, recipe, settings, grid)
    folder = output or Path(chosen.name)
    workers = workers or _workers(samples)
    if dry_run:
        _dry_run(chosen, folder, samples, seed, splits, workers, device)
        return
    print_restrictions(chosen.templates)
    from xaigt.cli.progress import progress_bar
    from xaigt.synthesis.generate import generate as run

    with progress_bar(chosen.name, "samples") as progress:
        run(
            chosen,
            folder,
            samples=samples,
            seed=seed,
            splits=splits,
            workers=workers,
            device=device,
            engine=engine,
            scheduler=scheduler,
            progress=progress,
        )
    summary(folder)


def _recipe(lesion: str | None, recipe: str | None, settings: tuple[str, ...], grid: dict[str, Any]) -> AnyRecipe:
    if (lesion is None) == (recipe is None):
        from xaigt import catalog

        said = "not both" if lesion else f"known: {', '.join(catalog.names('generators'))}"
        raise click.UsageError(f"Give --lesion NAME or --recipe NAME|FILE ({said}).")
    from xaigt.synthesis.loading import load_recipe

    dim = int(grid["dim"]) if grid["dim"] else None
    return load_recipe(
        lesion or recipe or "",
        settings,
        {
            "grid.dim": dim,
            "grid.size": grid["size"],
            "grid.spacing": grid["spacing"],
            "grid.thickness": grid["thickness"],
            "templates": list(grid["templates"]) or None,
            "task": grid["task"],
        },
    )


def _workers(samples: int) -> int:
    from xaigt.execution import available_cpus

    return available_cpus() if samples > SMALL else 1


def _dry_run(
    recipe: AnyRecipe, folder: Path, samples: int, seed: int, splits: dict[str, float], workers: int, device: str
) -> None:
    import yaml

    from xaigt.dataset.files import size_text
    from xaigt.synthesis.generate import estimate_bytes, measure_rate, prepare, sample_shape

    click.echo(yaml.safe_dump(recipe.written_out(), sort_keys=False, allow_unicode=True))
    job = prepare(recipe, folder, samples=samples, seed=seed, splits=splits, device=device)
    seconds = samples / measure_rate(job) / workers
    shape = " x ".join(str(count) for count in sample_shape(job.grid))
    click.echo(f"{samples} samples of {shape} voxels into {folder}: about {size_text(estimate_bytes(job))} of disk")
    click.echo(f"and {seconds:.0f} s with {workers} {'process' if workers == 1 else 'processes'}. Nothing was made.")


def summary(folder: Path) -> None:
    """Print how many samples of each class each split has, and what to do next."""
    from rich.console import Console
    from rich.table import Table

    import xaigt

    dataset = xaigt.load(folder)
    table = Table(title=f"{folder}: {len(dataset)} samples")
    table.add_column("split")
    for name in dataset.classes:
        table.add_column(name, justify="right")
    table.add_column("median lesion", justify="right")
    planted = dataset.lesions[dataset.lesions["role"] == "lesion"] if len(dataset.lesions) else dataset.lesions
    volumes = planted.merge(dataset.samples[["sample", "split"]], on="sample")
    for split in dataset.description["splits"]:
        rows = dataset.samples[dataset.samples["split"] == split]
        counts = [str(int((rows[column] == value).sum())) for column, value in _class_columns(dataset)]
        found = volumes.loc[volumes["split"] == split, "volume_mm3"]
        table.add_row(split, *counts, f"{found.median() / 1000:.1f} mL" if len(found) else "-")
    console = Console()
    console.print(table)
    console.print(f"Look at it: {folder / 'gallery.png'}", soft_wrap=True)
    console.print(f"Next: xaigt show {folder} 0     or, in Python, xaigt.load({str(folder)!r})", soft_wrap=True)


def _class_columns(dataset: Dataset) -> list[tuple[str, int]]:
    """Column of the table of samples, and its value, that stand for each class."""
    if dataset.description["task"] == "subtype":
        return [(f"has_{name}", 1) for name in dataset.classes]
    return [("label", label) for label in range(len(dataset.classes))]
