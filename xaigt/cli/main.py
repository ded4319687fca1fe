"""Entry point of the ``xaigt`` command: the table of subcommands and the last word on errors."""

from __future__ import annotations

import sys

import click

import xaigt
from xaigt.cli.lazy import LazyGroup
from xaigt.errors import XaigtError

COMMANDS: dict[str, tuple[str, str]] = {
    "generate": ("xaigt.cli.generate:generate", "Make a dataset: lesions with exact masks in real anatomy."),
    "show": ("xaigt.cli.show:show", "Draw a dataset, or one of its samples."),
    "audit": ("xaigt.cli.audit:audit", "Prove that nothing but the lesion tells the class."),
    "export": ("xaigt.cli.export:export", "Write a dataset in a format that other programs open."),
    "implant": ("xaigt.cli.implant:implant", "Plant lesions into scans of your own."),
    "templates": ("xaigt.cli.templates:templates", "List, show, fetch, add and check the anatomy."),
    "recipes": ("xaigt.cli.recipes:recipes", "List and show what can be made: lesions, classes, every value."),
    "networks": ("xaigt.cli.networks:networks", "Show the networks: stages, channels, grids, parameters, time."),
    "train": ("xaigt.cli.train:train", "Train a network from an arm, to a depth."),
    "explain": ("xaigt.cli.explain:explain", "Ask explanation methods where a trained network's evidence is."),
    "score": ("xaigt.cli.score:score", "Score a run's maps against the planted truth."),
    "cache": ("xaigt.cli.cache:cache", "Show or clear the folder of computed files."),
    "study": ("xaigt.cli.study:study", "Run a study of pre-training and explanations; plan one; read one."),
}

INTERRUPTED = 130  # what shells expect of a command that Ctrl-C ended

EPILOG = """\b
First steps:
  xaigt generate --lesion hemorrhage -n 200 -o hemorrhage
  xaigt show hemorrhage 7
"""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(xaigt.__version__, prog_name="xaigt")
def xaigt_command() -> None:
    """Plant lesions with exact masks into real anatomy, and score explanations against them."""


def main() -> None:
    """Run the command line; bad input ends with a message and status 2, never with a traceback."""
    try:
        code = xaigt_command(prog_name="xaigt", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except XaigtError as error:
        click.echo(f"xaigt: {error}", err=True)
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("xaigt: stopped. What was finished is kept; the same command goes on from there.", err=True)
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)
