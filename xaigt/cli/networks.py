"""``xaigt networks``."""

from __future__ import annotations

import click

from xaigt.cli.types import Axes


@click.group()
def networks() -> None:
    """Show what networks there are."""


@networks.command("list")
@click.argument("name", required=False)
@click.option("--dim", type=click.Choice(["2", "3"]), default="2", show_default=True, help="Images or volumes.")
@click.option("--size", type=Axes(int, "voxels"), help="Input: 224, or a side for each axis.  [default: 224 or 64]")
@click.option("--batch", default=1, show_default=True, type=click.IntRange(1), help="Samples at a time, for the time.")
@click.option("--markdown", is_flag=True, help="Print Markdown without times: docs/reference/networks.md.")
def list_networks(name: str | None, dim: str, size: int | list[int] | None, batch: int, markdown: bool) -> None:
    """Show every network's stages with channels and grid, parameters, and time a sample on this machine.

    With NAME: only this one. The time is the median of three passes in evaluation mode, one thread or what
    OMP_NUM_THREADS says.
    """
    from xaigt.cli.progress import progress_bar
    from xaigt.models.listing import describe, markdown_page, print_table
    from xaigt.models.registry import names, spec

    if markdown:
        click.echo(markdown_page())
        return
    axes = int(dim)
    if name is not None:
        spec(name, axes)
    given = size or (224 if axes == 2 else 64)
    shape = tuple(given) if isinstance(given, list) else (given,) * axes
    wanted = [name] if name else names(axes)
    rows = []
    with progress_bar(f"{axes}-D networks", "networks") as progress:
        for done, one in enumerate(wanted, start=1):
            rows.append(describe(one, shape, batch=batch, timed=True))
            progress(done, len(wanted))
    print_table(rows, shape)
