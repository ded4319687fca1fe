"""Entry point of the ``xaigt`` command: the table of subcommands and the last word on errors."""

from __future__ import annotations

import sys

import click

import xaigt
from xaigt.cli.lazy import LazyGroup
from xaigt.errors import XaigtError

COMMANDS = {
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(xaigt.__version__, prog_name="xaigt")
def xaigt_command() -> None:
    """Plant lesions with exact masks into real anatomy, and score explanations against them."""


def main() -> None:
    """Run the command line; bad input ends with a message and status 2, never with a traceback."""
    try:
        xaigt_command(prog_name="xaigt")
    except XaigtError as error:
        click.echo(f"xaigt: {error}", err=True)
        sys.exit(2)
