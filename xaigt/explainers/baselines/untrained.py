"""The same explainer on an untrained network: what architecture alone scores."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.guard import borrowed
from xaigt.explainers.registry import Explainer
from xaigt.explainers.session import Session
from xaigt.explainers.stages import Stage


def untrained_copy(model: nn.Module, seed: int = 0) -> nn.Module:
    """Copy a network, with fresh weights.

    Modules that can (``reset_parameters``) draw as torch draws them at the start, and BatchNorm forgets its
    statistics; any other parameter is drawn from a normal distribution with the mean and standard deviation
    that it has. The global random generators are as before.

    Parameters
    ----------
    model
        The network.
    seed
        Another seed, another network.
    """
    twin = copy.deepcopy(model)
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        torch.manual_seed(seed)
        done: set[nn.Parameter] = set()
        for module in twin.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                done.update(module.parameters(recurse=False))
        for parameter in twin.parameters():
            if parameter not in done and parameter.is_floating_point():
                spread = float(parameter.std(correction=0)) if parameter.numel() > 1 else 0.0
                parameter.normal_(float(parameter.mean()), spread)
    return twin


def untrained_maps(
    session: Session,
    method: Explainer,
    stage: Stage | None,
    options: Mapping[str, Any],
    report: Callable[[int], None],
) -> Tensor:
    """Give maps of a method on an untrained copy, for the classes that the trained network was asked about.

    Parameters
    ----------
    session
        The session of the trained network.
    method
        The explainer.
    stage
        The stage in the trained network; its namesake in the copy is read.
    options
        Of the method, and ``seed``, or ``model``: an untrained network of the same architecture.
    report
        Called with units of work as they are done.
    """
    own = {k: v for k, v in options.items() if k not in ("model", "seed") or k in method.options}
    twin = options.get("model")
    if twin is None:
        twin = untrained_copy(session.model, int(options.get("seed", 0)))
    places = []
    for place in session.stages:
        try:
            places.append(Stage(place.name, twin.get_submodule(place.path), place.path))
        except AttributeError:
            raise ExplainerError(f"the untrained network has no module {place.path!r}") from None
    with borrowed(twin):
        budget = session.budget.max_memory
        needed = places if method.level != "input" else []
        other = Session(
            twin, session.inputs, session.targets, needed, [method], session.context, session.layout, budget
        )
        twin_stage = None if stage is None else next(p for p in places if p.name == stage.name)
        return other.run(method, twin_stage, own, report)
