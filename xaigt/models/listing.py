"""What every network looks like at a size: stages, channels, grids, parameters, time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from xaigt.models.errors import ModelError
from xaigt.models.registry import NETWORKS, create, names

PAGE_SIZES = {2: (224, 224), 3: (64, 64, 64)}


@dataclass(frozen=True)
class StageShape:
    """Output of a stage: channels and grid (for tokens of a ViT: of patches)."""

    name: str
    channels: int
    grid: tuple[int, ...]


@dataclass(frozen=True)
class Described:
    """A network at a size.

    Attributes
    ----------
    parameters
        With one logit and one input channel.
    seconds
        A sample, forward in evaluation mode; NaN if not measured.
    problem
        Why it does not take inputs of this size; "" if it does.
    """

    name: str
    stages: tuple[StageShape, ...] = ()
    parameters: int = 0
    seconds: float = float("nan")
    problem: str = ""


def describe(name: str, size: tuple[int, ...], *, batch: int = 1, timed: bool = False) -> Described:
    """Build a network and run it once (three times more if timed) on zeros."""
    try:
        network = create(name, dim=len(size), outputs=1, size=size).eval()
    except ModelError as error:
        return Described(name, problem=str(error))
    found: list[StageShape] = []
    with torch.inference_mode():
        x = inputs = torch.zeros(batch, 1, *size)
        for stage, module in network.stages:
            x = module(x)
            found.append(_shape(stage, x, size))
        network.head(x)
        times = []
        for _ in range(3 if timed else 0):
            start = time.perf_counter()
            network(inputs)
            times.append((time.perf_counter() - start) / batch)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Described(name, tuple(found), parameters, median(times) if times else float("nan"))


def _shape(name: str, x: torch.Tensor, size: tuple[int, ...]) -> StageShape:
    if x.ndim == 3:  # tokens: class token and patches of 16
        return StageShape(name, x.shape[2], tuple(side // 16 for side in size))
    return StageShape(name, x.shape[1], tuple(x.shape[2:]))


def print_table(rows: Sequence[Described], size: tuple[int, ...]) -> None:
    """Print the networks as a table."""
    from rich.console import Console
    from rich.table import Table

    shape = " x ".join(map(str, size))
    table = Table(title=f"Networks at {shape}: stages from input to head", show_lines=True)
    table.add_column("network", no_wrap=True)
    table.add_column("stages: channels @ grid")
    table.add_column("parameters", justify="right")
    table.add_column("ms a sample", justify="right")
    for row in rows:
        if row.problem:
            table.add_row(row.name, row.problem, "-", "-")
        else:
            stages = "\n".join(f"{s.name} {s.channels}@{'x'.join(map(str, s.grid))}" for s in row.stages)
            table.add_row(row.name, stages, f"{row.parameters / 1e6:.1f} M", f"{row.seconds * 1000:.1f}")
    Console(width=max(Console().width, 100)).print(table)


def markdown_page() -> str:
    """Text of docs/reference/networks.md."""
    lines = [
        "# Networks",
        "",
        "This page is printed by `xaigt networks list --markdown`. Depth counts these stages from the head: depth 0",
        "trains the head only, depth 1 the last stage too. Explainers take the same names as `--stages`. Parameters",
        "are those with one input channel and one logit. Published weights: see",
        "[how a network starts](../explanation/transfer.md).",
    ]
    for dim, size in PAGE_SIZES.items():
        shape = " x ".join(map(str, size))
        lines += [
            "",
            f"## {dim}-D, at {shape}",
            "",
            "| network | from | weights | parameters | stages: channels @ grid |",
        ]
        lines.append("|---|---|---|---:|---|")
        for name in names(dim):
            row, spec = describe(name, size), NETWORKS[name]
            stages = ", ".join(f"`{s.name}` {s.channels}@{'x'.join(map(str, s.grid))}" for s in row.stages)
            weights = (spec.imagenet if dim == 2 else spec.medicalnet) or "-"
            lines.append(f"| `{name}` | {spec.family} | {weights} | {row.parameters / 1e6:.1f} M | {stages} |")
    return "\n".join(lines)
