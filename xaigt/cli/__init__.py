"""The ``xaigt`` command.

Each subcommand lives in a module of its own, which is imported only when the subcommand is asked for, so that
``xaigt --help`` starts in a fraction of a second. The modules hold options and messages; the work is done by
functions that are public elsewhere in the package.
"""

from __future__ import annotations

from xaigt.cli.main import main

__all__ = ["main"]
