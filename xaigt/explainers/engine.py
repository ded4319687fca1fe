"""``explain``: maps of many methods at many stages of any torch model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xaigt.errors import nearest
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.guard import borrowed
from xaigt.explainers.maps import Maps
from xaigt.explainers.progress import Progress, Report
from xaigt.explainers.registry import UNTRAINED, Explainer, find_explainer
from xaigt.explainers.session import Layouts, Session
from xaigt.explainers.stages import Stage, resolve_stages
from xaigt.explainers.targets import Classes, Target

Method = str | Callable[..., Any]
DEFAULT_MEMORY = 512 * 2**20


def explain(
    model: nn.Module,
    inputs: Tensor,
    targets: Target | Classes = None,
    methods: Method | Sequence[Method] = ("gradcam",),
    stages: Sequence[str | nn.Module] | None = None,
    context: Mapping[str, Tensor] | None = None,
    progress: bool | Report | None = None,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    backend: Literal["xaigt", "grad-cam"] = "xaigt",
    layout: Layouts = None,
    batch_size: int | None = None,
    max_memory: int = DEFAULT_MEMORY,
) -> Maps:
    """Ask every method, at every stage, where in the inputs the evidence is.

    Parameters
    ----------
    model
        Any torch classifier: K logits, one logit, or multi-label. It comes back as it was: see Notes.
    inputs : Tensor[B, C, *size]
        Batch of 1-D, 2-D or 3-D images; moved to the device of the model.
    targets
        A class for all samples, one a sample, or None for the predicted one (meaning its logit); or a
        :class:`~xaigt.explainers.Logit`, :class:`~xaigt.explainers.LogitDifference` or
        :class:`~xaigt.explainers.Probability`.
    methods
        Names (see :func:`~xaigt.explainers.available`), ``untrained/<name>``, ``pkg.module:function``,
        functions.
    stages
        Modules, dotted names, or names from ``model.stages``; None means all of ``model.stages``.
    context
        What some methods need beside the model: ``support``, ``prior``, ``lesion``; a tensor with a first
        axis of B is split with the batch.
    progress
        True for a bar, or a function of (label, done, total).
    options
        Options by method name: ``{"occlusion": {"window": 16}}``.
    backend
        ``grad-cam`` runs the classes of the grad-cam library instead: its maps are post-processed.
    layout
        Layout of the activations, for all stages or by stage name, where it cannot be inferred.
    batch_size
        Inputs at a time; all by default.
    max_memory
        Bytes that the reruns of Ablation-CAM, Score-CAM, occlusion and the like may take (estimated).

    Returns
    -------
    Maps
        ``{(method, stage): Tensor[B, *grid]}``: raw signed maps, at feature resolution for the CAM family.

    Raises
    ------
    ExplainerError
        Saying what was wrong and what would be right.

    Notes
    -----
    The network runs in eval mode whatever its mode, so that a map does not hang on the batch. Hooks, modes,
    gradients, patched methods and the state of random generators are restored, also after an exception.

    Examples
    --------
    >>> from torch import nn
    >>> head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), *head)
    >>> maps = explain(net, torch.zeros(3, 1, 8, 8), 1, ["gradcam", "eigencam"], stages=["1"])
    >>> maps["gradcam", "1"].shape
    torch.Size([3, 6, 6])
    """
    if not isinstance(inputs, Tensor) or inputs.ndim < 3 or not len(inputs) or not inputs.is_floating_point():
        shape = tuple(inputs.shape) if isinstance(inputs, Tensor) else type(inputs).__name__
        raise ExplainerError(f"inputs must be a floating-point tensor [batch, channels, *size], not {shape}")
    model = getattr(model, "_orig_mod", model)  # torch.compile: hooks belong on the module itself
    methods = [methods] if isinstance(methods, str) or callable(methods) else list(methods)
    found = _resolve_methods(methods, options or {}, backend)
    places = resolve_stages(model, stages)
    device = next((p.device for p in model.parameters()), inputs.device)
    bar = Progress(progress)
    result = Maps()
    with ExitStack() as stack:
        stack.enter_context(bar)
        stack.enter_context(borrowed(model, requires_grad=backend == "grad-cam"))
        inputs = inputs.detach().to(device)
        if inputs.is_inference():
            inputs = inputs.clone()
        parts = _split(inputs, targets, context or {}, batch_size, device)
        bar.total = len(parts) * sum(len(_places(m, places)) for _, m, _ in found)
        results = [
            _explain_part(model, *part, places, found, backend, layout, max_memory, bar) for part in parts
        ]
    for key in results[0]:
        result[key] = torch.cat([part[key] for part in results]) if len(results) > 1 else results[0][key]
    result.postprocessed = results[0].postprocessed
    result.targets = results[0].targets if len(results) == 1 else None
    return result


Found = tuple[str, Explainer, Mapping[str, Any]]


def _resolve_methods(
    methods: Sequence[Method], options: Mapping[str, Mapping[str, Any]], backend: str
) -> list[Found]:
    if backend not in ("xaigt", "grad-cam"):
        raise ExplainerError(f"backend={backend!r}: use 'xaigt' or 'grad-cam'")
    if not methods:
        raise ExplainerError("no methods: name at least one, such as 'gradcam'")
    found: list[Found] = []
    for method in methods:
        plain = method.removeprefix(UNTRAINED) if isinstance(method, str) else method
        explainer = find_explainer(plain)
        name = method if isinstance(method, str) else explainer.name
        if any(name == other for other, _, _ in found):
            raise ExplainerError(f"method {name!r} is asked for twice")
        given = options.get(name, {})
        allowed = explainer.options | ({"model", "seed"} if name.startswith(UNTRAINED) else set())
        for option in given:
            if option not in allowed and backend == "xaigt":
                raise ExplainerError(f"method {name!r} has no option {option!r}; {nearest(option, allowed)}")
        found.append((name, explainer, given))
    stray = set(options) - {name for name, _, _ in found}
    if stray:
        raise ExplainerError(
            f"options for {sorted(stray)}, which are not among the methods; "
            f"{nearest(min(stray), [name for name, _, _ in found])}"
        )
    return found


def _places(method: Explainer, stages: Sequence[Stage]) -> list[tuple[str, Stage | None]]:
    if method.level == "stage":
        return [(stage.name, stage) for stage in stages]
    return [("+".join(stage.name for stage in stages) if method.level == "stages" else "input", None)]


def _split(
    inputs: Tensor, targets: Any, context: Mapping[str, Tensor], batch_size: int | None, device: torch.device
) -> list[tuple[Tensor, Any, dict[str, Tensor]]]:
    samples = len(inputs)
    moved = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in context.items()}
    if batch_size is None or batch_size >= samples:
        return [(inputs, targets, moved)]
    if batch_size < 1:
        raise ExplainerError(f"batch_size={batch_size}: must be at least 1")
    parts = []
    for start in range(0, samples, batch_size):
        rows = slice(start, min(start + batch_size, samples))
        part = {k: v[rows] if _by_sample(v, samples, inputs.ndim) else v for k, v in moved.items()}
        parts.append((inputs[rows], _target_rows(targets, rows, samples), part))
    return parts


def _by_sample(value: Any, samples: int, ndim: int) -> bool:
    return isinstance(value, Tensor) and value.ndim >= ndim - 1 and len(value) == samples


def _target_rows(targets: Any, rows: slice, samples: int) -> Any:
    if hasattr(targets, "__dataclass_fields__"):
        fields = {name: getattr(targets, name) for name in targets.__dataclass_fields__}
        cut = {
            name: value if isinstance(value, str) else _target_rows(value, rows, samples)
            for name, value in fields.items()
        }
        return type(targets)(**cut)
    if targets is None or isinstance(targets, int) or (isinstance(targets, Tensor) and targets.ndim == 0):
        return targets
    if len(targets) != samples:
        raise ExplainerError(f"target: {samples} samples need {samples} classes, not {len(targets)}")
    return targets[rows]


def _explain_part(
    model: nn.Module,
    inputs: Tensor,
    targets: Any,
    context: Mapping[str, Tensor],
    stages: Sequence[Stage],
    found: Sequence[Found],
    backend: str,
    layout: Layouts,
    max_memory: int,
    bar: Progress,
) -> Maps:
    trained = [method for name, method, _ in found if not name.startswith(UNTRAINED)]
    session = Session(model, inputs, targets, stages, trained, context, layout, max_memory)
    result = Maps()
    for name, method, options in found:
        for label, stage in _places(method, stages):
            bar.start(name if stage is None else f"{name} {label}")
            if backend == "grad-cam":
                from xaigt.explainers.library import library_maps

                result[name, label] = library_maps(name, session, stage, options)
                result.postprocessed.add((name, label))
            elif name.startswith(UNTRAINED):
                from xaigt.explainers.baselines.untrained import untrained_maps

                result[name, label] = untrained_maps(session, method, stage, options, bar.advance)
            else:
                result[name, label] = session.run(method, stage, options, bar.advance)
            bar.finish()
    if "targets" in session.__dict__:
        result.targets = session.targets
    return result
