"""``xaigt explain``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--methods", metavar="NAME,NAME", help="Explainers.  [default: six that cover the families]")
@click.option("--stages", metavar="NAME,NAME", help="Stages of the network.  [default: all]")
@click.option("--split", default="test", show_default=True, help="Split whose samples are explained.")
@click.option("-n", "--samples", type=click.IntRange(1), help="Only the first so many with a lesion.")
@click.option("--batch-size", default=16, show_default=True, type=click.IntRange(1))
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--dataset", type=click.Path(path_type=Path), help="Where the dataset is now, if it was moved.")
def explain(
    run: Path, methods: str | None, stages: str | None, split: str, samples: int | None, batch_size: int, device: str,
    dataset: Path | None,
) -> None:  # fmt: skip
    r"""Ask explanation methods where the evidence is, for a trained network.

    Writes raw signed maps at feature resolution into RUN/maps, and a picture of some of them. Samples without a lesion
    have no localization truth: they are left out and counted.

    \b
    Examples:
      xaigt explain run --methods gradcam,hirescam --stages layer3,layer4
      xaigt explain run --methods saliency,untrained/saliency -n 50
    """
    from xaigt.cli.progress import progress_bar
    from xaigt.models.explaining import DEFAULT_METHODS, explain_run, load_maps
    from xaigt.models.pictures import gallery
    from xaigt.models.runs import load_run

    found = load_run(run)
    data = found.dataset(dataset)
    chosen = tuple(name.strip() for name in methods.split(",")) if methods else DEFAULT_METHODS
    places = [name.strip() for name in stages.split(",")] if stages else None
    with progress_bar("explain", "maps of a method") as progress:
        folder = explain_run(
            found, data, chosen, places, split=split, samples=samples, batch_size=batch_size, device=device,
            progress=progress,
        )  # fmt: skip
    described, _ = load_maps(found)
    without = described["samples_without_evidence"]
    left_out = f"; {without} samples of {split} have no lesion and were left out" if without else ""
    click.echo(f"Wrote {len(described['maps'])} sets of {described['pairs']} maps into {folder}{left_out}.")
    click.echo(f"Look at them: {gallery(found, data)}\nNext: xaigt score {run}")
