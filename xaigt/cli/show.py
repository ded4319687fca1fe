"""``xaigt show``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("sample", required=False, type=click.IntRange(0))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG to write.  [default: in the dataset]")
def show(dataset: Path, sample: int | None, output: Path | None) -> None:
    """Draw a dataset, or one of its samples.

    Without SAMPLE: a gallery of image, healthy twin and true outline. With the number of a sample: image, twin,
    their difference, and why voxels differ (lesion, oedema, blur).
    """
    import xaigt
    from xaigt.report.pictures import gallery, sample_picture

    data = xaigt.load(dataset)
    if sample is None:
        path = gallery(data, output or dataset / "gallery.png")
    elif sample >= len(data):
        raise xaigt.XaigtError(f"{dataset}: has the samples 0 to {len(data) - 1}, no sample {sample}.")
    else:
        path = sample_picture(data, sample, output or dataset / f"sample-{sample:06d}.png")
    click.echo(repr(data))
    click.echo(f"Wrote {path}")
