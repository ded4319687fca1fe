"""Finding lesion families by name, without importing the others."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from xaigt.errors import XaigtError, nearest
from xaigt.lesions.base import Family

_GROUP = "xaigt.lesions"


def family_names() -> list[str]:
    """Names of every family: the built-in ones and those of installed entry points."""
    folder = Path(__file__).parent / "families"
    built_in = {module.name.replace("_", "-") for module in pkgutil.iter_modules([str(folder)])}
    return sorted(built_in | {point.name for point in entry_points(group=_GROUP)})


@lru_cache
def family(name: str) -> Family:
    """Return the family of that name.

    Raises
    ------
    XaigtError
        If there is none, or what an entry point gives is not a :class:`~xaigt.lesions.base.Family`.
    """
    if name not in family_names():
        raise XaigtError(f"unknown lesion family {name!r}: {nearest(name, family_names())}.")
    for point in entry_points(group=_GROUP, name=name):
        found = point.load()
        break
    else:
        found = importlib.import_module(f"xaigt.lesions.families.{name.replace('-', '_')}").FAMILY
    if not isinstance(found, Family):
        raise XaigtError(f"lesion family {name!r}: {found!r} is not an instance of xaigt.lesions.Family.")
    return found
