"""``xaigt audit``."""

from __future__ import annotations

from pathlib import Path

import click

from xaigt.cli.progress import stages

FAILED = 1
EXAMPLES = """\b
Examples:
  xaigt audit lesion-shape
  xaigt audit lesion-shape --tables-only      seconds, whatever the images
  xaigt audit lesion-shape -o reports/shape   audit.json and audit.png go there
"""


@click.command(epilog=EXAMPLES)
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write to.  [default: the dataset]")
@click.option("--tables-only", is_flag=True, help="Read no arrays: covariates of the tables and leaks between splits.")
@click.option("--no-pixels", is_flag=True, help="Leave out the classifiers on pixels.")
@click.option(
    "--rerender",
    type=click.IntRange(0),
    default=8,
    show_default=True,
    help="Samples rendered again, to compare arrays that were not rounded.",
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Simultaneous coverage of the intervals.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of folds, bootstrap and shuffles.")
@click.option("--all", "everything", is_flag=True, help="Show every covariate in a row of its own.")
@click.pass_context
def audit(
    context: click.Context,
    dataset: Path,
    output: Path | None,
    tables_only: bool,
    no_pixels: bool,
    rerender: int,
    level: float,
    seed: int,
    everything: bool,
) -> None:
    """Ask whether anything but the lesion tells the class, and whether the truth is true.

    Every covariate, the healthy twins and the images without their lesions must not tell the class; the lesion alone
    must. Image and twin, masks, tables and plans must agree; splits must share nothing. Writes audit.json and
    audit.png. Ends with status 1 if anything fails, 0 if nothing does, 2 if DATASET cannot be audited.
    """
    import xaigt
    from xaigt.audit import Verdict
    from xaigt.audit import audit as ask
    from xaigt.audit.figure import audit_figure

    data = xaigt.load(dataset)
    with stages() as told:
        report = ask(
            data,
            arrays=not tables_only,
            pixels=not no_pixels,
            rerender=0 if tables_only else rerender,
            level=level,
            seed=seed,
            progress=told,
        )
    folder = output or dataset
    written = [report.write(folder / "audit.json"), audit_figure(report, folder / "audit.png")]
    _show(report.rows(everything))
    for words in report.limitations:
        click.echo(f"Not asked, or limited: {words}")
    click.echo(report.summary)
    for path in written:
        click.echo(f"Wrote {path}")
    if report.verdict is Verdict.FAIL:
        context.exit(FAILED)


def _show(rows: list[tuple[str, str, str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"FAIL": "bold red", "PASS": "green", "INCONCLUSIVE": "yellow"}
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("verdict", no_wrap=True)
    table.add_column("what", ratio=3)
    table.add_column("max(AUC, 1 - AUC)", no_wrap=True)
    table.add_column("note", ratio=4)
    for verdict, *cells in rows:
        table.add_row(Text(verdict, style=colours.get(verdict, "")), *(Text(cell) for cell in cells))
    Console().print(table)
