"""``xaigt cache``."""

from __future__ import annotations

import click


@click.group()
def cache() -> None:
    """Show or clear the folder of computed files (fields of templates); it can always be made again."""


@cache.command()
def show() -> None:
    """Print where the cache is and how large it is."""
    from xaigt import cache as room
    from xaigt.dataset.files import size_text

    click.echo(f"{room.folder()}: {size_text(room.size())}")


@cache.command()
def clear() -> None:
    """Remove everything in the cache."""
    from xaigt import cache as room
    from xaigt.dataset.files import size_text

    click.echo(f"Freed {size_text(room.clear())} in {room.folder()}")
