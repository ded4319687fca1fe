"""``xaigt study``: plan, run and read studies."""

from __future__ import annotations

from pathlib import Path

import click

from xaigt.cli.pretraining import pretraining, query, report, status

EXAMPLES = """\b
Examples:
  xaigt study power --effect 0.05 --pilot scores.parquet --networks 3,5,10 --figure power.png
  xaigt study power --effect 0.05 --network-sd 0.04 --residual-sd 0.15 --samples 100,1000
"""


def _numbers(_context: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    """Parse ``3,5,10``."""
    try:
        return [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"expected whole numbers with commas, such as 3,5,10, got {value!r}") from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def study() -> None:
    """Plan, run and read a study of explanations."""


for _command in (pretraining, status, report, query):
    study.add_command(_command)


@study.command(epilog=EXAMPLES)
@click.option("--effect", type=float, required=True, help="Difference to be found, in units of the score.")
@click.option("--networks", callback=_numbers, default="3,5,10", show_default=True, help="Trained networks a cell.")
@click.option("--samples", callback=_numbers, default="50,200,1000", show_default=True, help="Scored samples.")
@click.option(
    "--pilot",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Score table (.parquet or .csv) to take variance components from.",
)
@click.option("--score", default="value", show_default=True, help="Column of the score in the pilot.")
@click.option("--metric", help="Rows of the pilot with this value in the column 'metric'.")
@click.option("--factors", default="arm,depth,method", show_default=True, help="Factors of the pilot.")
@click.option("--network-sd", type=float, help="SD between networks of one cell (without a pilot).")
@click.option("--network-method-sd", type=float, default=0.0, show_default=True, help="SD of network:method.")
@click.option("--network-sample-sd", type=float, default=0.0, show_default=True, help="SD of network:sample.")
@click.option("--residual-sd", type=float, default=0.0, show_default=True, help="SD between samples, residual.")
@click.option("--contrast", type=click.Choice(["arm", "method"]), default="arm", show_default=True)
@click.option("--cells", type=click.IntRange(min=1), default=2, show_default=True, help="Cells, arms x depths.")
@click.option("--depths", type=click.IntRange(min=1), default=1, show_default=True, help="Depths an arm averages.")
@click.option("--methods", type=click.IntRange(min=1), default=1, show_default=True, help="Methods it averages.")
@click.option("--adjusted", is_flag=True, help="Adjust the arms for accuracy.")
@click.option("--gap", type=float, default=0.0, show_default=True, help="Gap in accuracy, SDs within cells.")
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here (.csv).")
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw it here (.png, .svg, .pdf).")
def power(
    effect: float,
    networks: list[int],
    samples: list[int],
    pilot: Path | None,
    score: str,
    metric: str | None,
    factors: str,
    network_sd: float | None,
    network_method_sd: float,
    network_sample_sd: float,
    residual_sd: float,
    contrast: str,
    cells: int,
    depths: int,
    methods: int,
    adjusted: bool,
    gap: float,
    table: Path | None,
    figure: Path | None,
) -> None:
    """Show the power to find a difference, by number of trained networks and of samples.

    The spread comes from a pilot (a score table with two networks a cell or more), or from the SD options.
    """
    from xaigt.statistics import planning

    if pilot is not None:
        spread, components = planning.spread_of_pilot(pilot, score, factors.split(","), metric)
        click.echo(components.table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
        for finding in components.findings:
            click.echo(f"{finding.level.capitalize()}: {finding.sentence}", err=True)
        click.echo()
    else:
        spread = planning.spread_of_options(network_sd, network_method_sd, network_sample_sd, residual_sd)
    result = planning.power_table(
        effect,
        networks,
        samples,
        spread,
        contrast=contrast,  # type: ignore[arg-type]
        cells=cells,
        methods=methods,
        depths=depths,
        covariate=adjusted,
        gap=gap,
    )
    click.echo(result.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    for path in planning.write(result, effect, table, figure):
        click.echo(f"wrote {path}")
