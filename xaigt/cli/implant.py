"""``xaigt implant``."""

from __future__ import annotations

from pathlib import Path

import click

from xaigt.cli.terms import print_restrictions
from xaigt.cli.types import Splits

HELP = """Plant lesions into scans of your own: the same lesions, twins and masks, as a dataset like any other.

The scans are neither moved, deformed nor given noise; they are read in the head frame (head straight, 1 mm), and
dataset.json holds the matrix back to the coordinates of each file. Use it to test a network that you have trained
on scans of the same kind: everything goes into the split test, unless --splits says otherwise, and no person is in
two splits. A scan that was added before (xaigt templates add --licence ...) keeps its terms; of any other, they are
not known: what is made from it may neither be passed on nor used commercially.

\b
Examples:
  xaigt implant --scans my-cts --lesion hemorrhage -n 200 -o planted
  xaigt implant --scans bids-folder --lesion hemorrhage --dim 3 -n 20 -o planted3d
"""


@click.command(help=HELP)
@click.option(
    "--scans", required=True, type=click.Path(path_type=Path, exists=True), help="File, folder or BIDS folder."
)
@click.option("--lesion", required=True, metavar="NAME|FILE", help="Recipe, such as hemorrhage.")
@click.option("-n", "--samples", default=200, show_default=True, type=click.IntRange(1), help="Number of samples.")
@click.option("--dim", type=click.Choice(["2", "3"]), help="Slices or volumes.  [default: of the recipe]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a field of the recipe.")
@click.option("--splits", type=Splits(), help="Train/validation/test.  [default: all test]")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of everything random.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Directory.")
def implant(
    scans: Path,
    lesion: str,
    samples: int,
    dim: str | None,
    settings: tuple[str, ...],
    splits: dict[str, float] | None,
    seed: int,
    workers: int,
    output: Path,
) -> None:
    """Plant lesions into scans of your own."""
    from xaigt.cli.generate import summary
    from xaigt.cli.progress import progress_bar
    from xaigt.synthesis.generate import generate
    from xaigt.synthesis.implant import SPLITS, into_scans
    from xaigt.synthesis.loading import load_recipe

    recipe = load_recipe(lesion, settings, {"grid.dim": int(dim) if dim else None})
    click.echo(f"Reading {scans} (up to a minute a scan the first time) ...", err=True)
    chosen = into_scans(recipe, scans, _tell)
    print_restrictions(chosen.templates)
    with progress_bar("implant", "samples") as progress:
        generate(
            chosen, output, samples=samples, seed=seed, splits=splits or SPLITS, workers=workers, progress=progress
        )
    summary(output)


def _tell(path: Path, reason: str | None) -> None:
    click.echo(f"  {path.name}: {'understood' if reason is None else 'left out: ' + reason}", err=True)
