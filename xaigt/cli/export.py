"""``xaigt export``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(["nifti"]), default="nifti", show_default=True, help="Format.")
@click.option("--split", help="Only this split.")
@click.option("--samples", type=click.IntRange(1), help="Only the first so many samples.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Directory.  [default: DATASET-nifti]")
def export(dataset: Path, target: str, split: str | None, samples: int | None, output: Path | None) -> None:
    """Write a dataset in a format that other programs open.

    nifti: a folder for each sample with image, twin, lesion, altered, support and compartment as .nii.gz, in
    millimetres of the scanner, and both tables as CSV.
    """
    import xaigt
    from xaigt.cli.progress import progress_bar
    from xaigt.dataset.export import to_nifti

    data = xaigt.load(dataset)
    chosen = data if split is None else data.split(split)
    chosen = chosen[:samples] if samples else chosen
    folder = output or dataset.with_name(f"{dataset.resolve().name}-{target}")
    with progress_bar(f"to {target}", "samples") as progress:
        to_nifti(chosen, folder, progress)
    click.echo(f"Wrote {len(chosen)} samples into {folder}")
