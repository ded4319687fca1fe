"""``xaigt study pretraining``, ``status``, ``report`` and ``query``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xaigt.cli.dry_run import show, time_text

if TYPE_CHECKING:
    from xaigt.studies.configuration import Study
    from xaigt.studies.folder import StudyFolder
    from xaigt.studies.status import Status

FOLDER = click.Path(path_type=Path, file_okay=False)
NAMES = "NAME,NAME"


def _names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


def _numbers(_context: click.Context, parameter: click.Parameter, value: str | None) -> list[int | str] | None:
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    allowed = ("all",) if parameter.name == "depths" else ()
    if not all(part.isdigit() or part in allowed for part in parts):
        such = "0,1,all" if allowed else "0,1,2"
        raise click.BadParameter(f"expected whole numbers with commas, such as {such}, got {value!r}")
    return [int(part) if part.isdigit() else part for part in parts]


@click.command()
@click.option("--preset", type=click.Choice(["quick", "standard", "paper"]), help="Start from it.  [default: quick]")
@click.option("--config", type=click.Path(path_type=Path), help="Start from a YAML file: a preset, copied and changed.")
@click.option("--recipe", metavar="NAME|FILE", help="What to generate.  [default: lesion-shape]")
@click.option("--dataset", type=click.Path(path_type=Path), help="A dataset of your own in place of a recipe.")
@click.option("--arms", metavar=NAMES, callback=_names, help="Starts, such as scratch,fractal,brain,imagenet.")
@click.option("--depths", metavar="N,N,all", callback=_numbers, help="Stages trained, from the head.")
@click.option("--networks", metavar=NAMES, callback=_names, help="See xaigt networks.")
@click.option("--seeds", metavar="N,N", callback=_numbers, help="One network a cell for each.")
@click.option("--data-seeds", metavar="N,N", callback=_numbers, help="Fresh training data for each.")
@click.option("--methods", metavar=NAMES, callback=_names, help="Explainers.")
@click.option("--compare-legacy", is_flag=True, help="Run the grid on lesion-shape-legacy, too, side by side.")
@click.option("--engine", type=click.Choice(["local", "processes", "dask"]), default="processes", show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: the CPUs; 1 on a GPU]")
@click.option("--scheduler", metavar="ADDRESS", help="Of the engine dask, such as tcp://10.0.0.1:8786.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--weights", type=click.Path(path_type=Path), help="Folder of published weights.")
@click.option("--download", is_flag=True, help="Allow arms to download their weights.")
@click.option("--dry-run", is_flag=True, help="Print the grid, and an estimate of time and disk; run nothing.")
@click.option(
    "--tflops",
    type=click.FloatRange(0, min_open=True),
    help="With --dry-run: 10^12 operations a second that a GPU is assumed to sustain.",
)
@click.option("-o", "--output", type=FOLDER, default=Path("study"), show_default=True, help="Directory of the study.")
def pretraining(
    preset: str | None, config: Path | None, output: Path, engine: str, workers: int | None, scheduler: str | None,
    device: str, weights: Path | None, download: bool, dry_run: bool, tflops: float | None, **changes: Any,
) -> None:  # fmt: skip
    r"""Ask whether pre-training and its depth make explanations better, or only classifiers.

    Trains a network for each cell (arm x depth x network x seed), explains it with every method, scores the maps
    against the planted truth, and separates what explanations are worth from how well networks classify. Repeat the
    command to go on after an interruption, or with more seeds, arms or depths to grow the study: finished cells are
    kept.

    \b
    Examples:
      xaigt study pretraining -o study
      xaigt study pretraining --preset standard --device cuda -o study
      xaigt study pretraining --arms scratch,brain --seeds 0,1,2,3,4 --dry-run
      xaigt study pretraining --engine dask --scheduler tcp://10.0.0.1:8786 -o /shared/study
    """
    from xaigt.execution import available_cpus
    from xaigt.studies.running import Means

    if (engine == "dask") != (scheduler is not None):
        raise click.UsageError("--engine dask goes with --scheduler ADDRESS, and only with it.")
    if tflops is not None and not dry_run:
        raise click.UsageError("--tflops is of --dry-run: it changes an estimate, and nothing else.")
    study = _configuration(preset, config, output, changes)
    count = workers or (available_cpus() if device == "cpu" else 1)
    if engine == "local":
        count = 1
    if dry_run:
        show(study, output, count, device, tflops)
        return
    means = Means(engine, count, scheduler, device, weights, download)  # type: ignore[arg-type]
    _run(study, output, means)


def _configuration(preset: str | None, config: Path | None, output: Path, changes: dict[str, Any]) -> Study:
    """Read the preset or file; without either, go on with the study that is there."""
    from xaigt.studies import configuration
    from xaigt.studies.folder import CONFIGURATION

    if preset is not None and config is not None:
        raise click.UsageError("give --preset or --config, not both: a preset can be copied and changed.")
    start = config
    if start is None:
        there = output / CONFIGURATION
        start = there if preset is None and there.exists() else configuration.preset_path(preset or "quick")
    places = {
        "recipe": "data.recipe", "dataset": "data.dataset", "data_seeds": "data.seeds", "arms": "grid.arms",
        "depths": "grid.depths", "networks": "grid.networks", "seeds": "grid.seeds", "methods": "explanation.methods",
    }  # fmt: skip
    chosen = {places[name]: changes[name] for name in places if changes[name] is not None}
    if "data.dataset" in chosen:
        chosen["data.dataset"] = str(Path(chosen["data.dataset"]).absolute())
    if changes["compare_legacy"]:
        chosen["compare_legacy"] = True
    return configuration.load(start, chosen)


def _run(study: Study, output: Path, means: Any) -> None:
    from rich.console import Console

    from xaigt.cli.progress import progress_bar
    from xaigt.studies.running import caveats, run
    from xaigt.studies.status import status

    errors = Console(stderr=True)
    for sentence in caveats(study):
        click.echo(f"Note: {sentence}", err=True)
    folder = run(
        study, output, means, progress=progress_bar, say=lambda text: errors.print(text, soft_wrap=True, markup=False)
    )
    found = status(folder)
    if found.finished:
        for sentence in _summary(folder):
            click.echo(sentence)
        click.echo(f"\nReport: {_report(folder)}")
    _say(found, output)
    if found.failed or found.left:
        raise SystemExit(1)


def _summary(folder: StudyFolder) -> list[str]:
    study, told = folder.study, []
    for variant in study.variants:
        if len(study.variants) > 1:
            told.append(f"{variant} ({study.title_of(variant)}):")
        told += folder.analysis(variant)["summary"]
    return told


def _report(folder: StudyFolder) -> Path:
    from xaigt.cli.progress import progress_bar
    from xaigt.studies import report

    return report.write(folder.path, progress_bar)


def _say(found: Status, output: Path) -> None:
    from xaigt.studies.status import rows

    click.echo(f"{output}: {found.finished} of {found.total} cells are finished ({found.state}).")
    for word, count in rows(found)[1:]:
        click.echo(f"  {count} {word}")
    for title, error in found.failures:
        click.echo(f"  failed: {title}: {error}")
    if found.left and found.seconds is not None:
        left = time_text(found.left * found.seconds)
        click.echo(f"  about {left} of one process are left; repeat the command to go on.")


@click.command()
@click.argument("folder", type=FOLDER)
def status(folder: Path) -> None:
    """Show how far a study is: cells finished, failed and why, running, waiting."""
    from xaigt.studies.folder import load
    from xaigt.studies.status import status as look

    _say(look(load(folder)), folder)


@click.command()
@click.argument("folder", type=FOLDER)
def report(folder: Path) -> None:
    """Write the report of a study again: one HTML page, with its pictures and tables beside it."""
    from xaigt.studies.folder import load

    click.echo(f"Report: {_report(load(folder))}")


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("sql")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, in full precision.")
def query(folder: Path, sql: str, as_csv: bool) -> None:
    r"""Ask the tables of a study in SQL (DuckDB): cells, scores, effects, used, curves, main_contrasts ...

    \b
    Examples:
      xaigt study query study "select arm, depth, avg(auc) from cells group by all order by all"
      xaigt study query study "select method, stage, avg(value) from scores where metric = 'roc_auc' group by all"
    """
    from xaigt.studies.folder import load
    from xaigt.studies.query import query as ask

    table = ask(load(folder), sql)
    if as_csv:
        click.echo(table.to_csv(index=False), nl=False)
    else:
        click.echo(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
