"""Stages: the places in a network at which a class activation map is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from xaigt.errors import nearest
from xaigt.explainers.errors import ExplainerError


@dataclass(frozen=True)
class Stage:
    """A named module of the network.

    Attributes
    ----------
    name
        What the caller called it: the key of the result.
    module
        The module itself.
    path
        Its dotted name inside the network.
    """

    name: str
    module: nn.Module
    path: str


def declared(model: nn.Module) -> dict[str, nn.Module]:
    """Stages that the model declares by a ``stages`` attribute, a sequence of (name, module), or none.

    Some networks have a submodule that happens to be called ``stages``; it is not a declaration.
    """
    stages = getattr(model, "stages", None)
    if isinstance(stages, nn.Module) or not isinstance(stages, Sequence):
        return {}
    pairs = [pair for pair in stages if isinstance(pair, tuple) and len(pair) == 2]
    if len(pairs) != len(stages) or not all(
        isinstance(n, str) and isinstance(m, nn.Module) for n, m in pairs
    ):
        return {}
    return dict(pairs)


def resolve_stages(model: nn.Module, stages: Sequence[str | nn.Module] | None) -> list[Stage]:
    """Find the modules that the caller means.

    Parameters
    ----------
    model
        Any torch module.
    stages
        Modules, dotted names (``layer4.1``, ``blocks[5]`` and ``blocks.-1`` too), or names from
        ``model.stages``. None means all of ``model.stages``.

    Raises
    ------
    ExplainerError
        For a name that is no module, a module that is not in the model, or two stages of one name.
    """
    known = declared(model)
    if stages is None:
        stages = list(known)
    elif isinstance(stages, (str, nn.Module)):
        stages = [stages]
    paths: dict[int, str] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(id(module), path)
    found: list[Stage] = []
    for wanted in stages:
        if isinstance(wanted, str):
            module = known[wanted] if wanted in known else _by_path(model, wanted, known)
            name = wanted
        else:
            module = wanted
            name = next((n for n, m in known.items() if m is module), paths.get(id(module), ""))
        if id(module) not in paths:
            raise ExplainerError(
                f"stage {name or type(module).__name__!r} is not part of the model {type(model).__name__}: "
                "pass one of its own modules or a dotted name"
            )
        if any(stage.name == name for stage in found):
            raise ExplainerError(f"stage {name!r} is asked for twice")
        found.append(Stage(name, module, paths[id(module)]))
    return found


def _by_path(model: nn.Module, name: str, known: dict[str, nn.Module]) -> nn.Module:
    module: nn.Module = model
    walked: list[str] = []
    for part in re.sub(r"\[(-?\d+)\]", r".\1", name).split("."):
        children = dict(module.named_children())
        if part.startswith("-") and part[1:].isdigit() and 0 < int(part[1:]) <= len(children):
            part = list(children)[int(part)]
        if part not in children:
            where = ".".join(walked) or type(model).__name__
            options = [*known, *children] if not walked else list(children)
            raise ExplainerError(f"stage {name!r}: {where} has no module {part!r}; {nearest(part, options)}")
        module = children[part]
        walked.append(part)
    return module
