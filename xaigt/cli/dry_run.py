"""What ``xaigt study pretraining --dry-run`` prints: the configuration, the grid, and what it will take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xaigt.studies.configuration import Study
    from xaigt.studies.estimate import Estimate


def show(study: Study, output: Path, workers: int, device: str, tflops: float | None) -> None:
    """Print what a study will do, and an estimate of its time and disk; run nothing."""
    from xaigt.dataset.files import free_text, size_text
    from xaigt.studies.configuration import as_yaml
    from xaigt.studies.estimate import estimate

    click.echo(as_yaml(study))
    grid = study.grid
    sizes = {
        "arms": grid.arms, "depths": grid.depths, "networks": grid.networks, "seeds": grid.seeds,
        "data seeds": study.data.seeds, "variants": study.variants,
    }  # fmt: skip
    for name, values in sizes.items():
        click.echo(f"{name:10} {len(values):3}  {', '.join(map(str, values))}")
    found = estimate(study, device)
    click.echo(f"{'cells':10} {found.cells:3}")
    parts = _parts({name: seconds / workers for name, seconds in found.seconds.items()})
    processes = "1 process" if workers == 1 else f"{workers} processes"
    click.echo(f"time, about {time_text(found.wall(workers))} with {processes} on {device} ({parts})")
    if device == "cpu" or tflops is not None:
        for line in _on_gpu(found, tflops):
            click.echo(line)
    disk = ", ".join(f"{name} {size_text(count)}" for name, count in found.disk.items())
    click.echo(f"disk, about {size_text(sum(found.disk.values()))} ({disk}); {free_text(output)} at {output}")
    click.echo(f"Measured on a short probe on {device}; the analysis and the report are not in it. Nothing was run.")


def _on_gpu(found: Estimate, tflops: float | None) -> list[str]:
    """Say what the same would take on a GPU that is not here: what is counted, what is assumed, what was measured."""
    from xaigt.execution import available_cpus
    from xaigt.studies.estimate import ON_GPU, TFLOPS

    assumed = TFLOPS if tflops is None else tflops
    seconds = found.on_gpu(assumed, available_cpus())
    total = sum(found.work.values())
    work = ", ".join(f"{name} {value / total:.0%}" for name, value in found.work.items())
    networks = time_text(sum(seconds[name] for name in ON_GPU))
    rest = _parts({name: value for name, value in seconds.items() if name not in ON_GPU})
    return [
        f"on one GPU, not measured: about {time_text(sum(seconds.values()))} (networks {networks}; on the CPU {rest})",
        f"  counted: {total:.2g} floating-point operations of the networks ({work})",
        f"  assumed: the GPU sustains {assumed:g} x 10^12 of them a second (--tflops), and nothing keeps it waiting",
        "  measured here: what the CPU does, in one process, data in all",
    ]


def _parts(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {time_text(value)}" for name, value in seconds.items())


def time_text(seconds: float) -> str:
    """Return a time in the unit that fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
