"""``xaigt score``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas

SHOWN = 4  # metrics in the printed table; all are in the file


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--metrics", metavar="NAME,NAME", help="Metrics of a map.  [default: ranking, mass, overlap]")
@click.option(
    "--sign",
    type=click.Choice(["relu", "abs", "signed"]),
    default="relu",
    show_default=True,
    help="What of a signed map counts.",
)
@click.option("--dataset", type=click.Path(path_type=Path), help="Where the dataset is now, if it was moved.")
def score(run: Path, metrics: str | None, sign: str, dataset: Path | None) -> None:
    """Score the maps of a run against the planted truth.

    Writes RUN/scores.parquet (a row a sample, method, stage and metric, with the references chance and attainable) and
    RUN/cell.parquet (the network's own accuracy, AUC and d'); prints the means.
    """
    from xaigt.cli.progress import progress_bar
    from xaigt.models.runs import load_run
    from xaigt.models.scoring import SCORES, score_run

    found = load_run(run)
    chosen = _split(metrics) if metrics else None
    with progress_bar("score", "samples") as progress:
        table = score_run(found, found.dataset(dataset), chosen, sign=sign, progress=progress)
    _report(table)
    click.echo(f"Wrote {len(table)} scores into {run / SCORES}")


def _split(text: str) -> list[str]:
    """Split names at the commas that are not inside parentheses: ``dice(threshold=otsu),iou``."""
    import re

    return [name.strip() for name in re.split(r",(?![^(]*\))", text)]


def _report(table: pandas.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = list(dict.fromkeys(table["metric"]))[:SHOWN]
    means = table[table["metric"].isin(shown)].groupby(["method", "stage", "metric"], dropna=False, sort=False)["value"]
    frame = means.mean().unstack("metric")
    result = Table(title="Means over samples with evidence")
    for name in ("method", "stage", *shown):
        left = name in ("method", "stage")
        result.add_column(str(name), justify="left" if left else "right", no_wrap=left, overflow="fold")
    for (method, stage), row in frame.iterrows():
        place = stage if isinstance(stage, str) else ""
        values = ["" if row.get(name) != row.get(name) else f"{row[name]:.3f}" for name in shown if name in row]
        result.add_row(str(method), place, *values)
    Console(width=max(Console().width, 100)).print(result)
