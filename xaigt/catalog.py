"""Where recipes, template cards and frozen benchmarks are found.

The catalogue has three shelves, looked through in this order, so that a user's file of the same name wins:

1. the user's own folder: ``$XAIGT_CATALOG``, else the platform's user data folder;
2. ``xaigt/_catalogue`` inside the installed package (where the wheel puts it);
3. the root of a checkout, only if its ``pyproject.toml`` names xaigt.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

from xaigt.errors import XaigtError, nearest

Kind = Literal["generators", "templates", "benchmarks"]
_NOUN = {"generators": "recipe", "templates": "template", "benchmarks": "benchmark"}


class UnknownNameError(XaigtError):
    """A name that is on no shelf of the catalogue."""


def user_folder() -> Path:
    """Folder of the user's own recipes, cards and benchmarks; it need not exist."""
    if configured := os.environ.get("XAIGT_CATALOG"):
        return Path(configured)
    return _default_folder(*(os.environ.get(name) for name in ("XDG_DATA_HOME", "HOME")))


@lru_cache(maxsize=1)
def _default_folder(*_environment: str | None) -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("xaigt", appauthor=False)) / "catalog"


def shelves(kind: Kind) -> Iterator[Path]:
    """Yield the existing folders of one kind, the user's first."""
    for root in _roots():
        folder = Path(root) / kind
        if folder.is_dir():
            yield folder


def _roots() -> list[str]:
    return [str(user_folder()), *_own_roots()]


@lru_cache(maxsize=1)
def _own_roots() -> tuple[str, ...]:
    package = Path(__file__).parent
    own = (str(package / "_catalogue"),)
    return (*own, str(package.parent)) if _is_checkout(package.parent) else own


def names(kind: Kind) -> list[str]:
    """Every name of one kind that the catalogue holds, sorted."""
    return sorted({path.stem for folder in shelves(kind) for path in folder.glob("*.yaml")})


def find(kind: Kind, name: str) -> Path:
    """Path of the YAML file of that name.

    Raises
    ------
    UnknownNameError
        If no shelf holds it; the message offers the nearest names.
    """
    return Path(found(kind, name)[0])


def found(kind: Kind, name: str) -> tuple[str, int]:
    """Path of the YAML file of that name, and when it was changed (ns); asked for with every sample.

    Raises
    ------
    UnknownNameError
        As :func:`find`.
    """
    for root in _roots():
        path = f"{root}/{kind}/{name}.yaml"
        try:
            state = os.stat(path)  # noqa: PTH116  # of text: a Path takes as long again
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(state.st_mode):
            return path, state.st_mtime_ns
    raise UnknownNameError(f"unknown {_NOUN[kind]} {name!r}: {nearest(name, names(kind))}.")


@lru_cache(maxsize=4)
def _is_checkout(root: Path) -> bool:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return False
    return bool(project.get("project", {}).get("name") == "xaigt")
