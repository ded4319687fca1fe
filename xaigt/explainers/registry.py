"""Find an explainer by its name, without importing its neighbours."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Literal

from xaigt.errors import nearest
from xaigt.explainers.errors import ExplainerError

ENTRY_POINTS = "xaigt.explainers"
"""Group of entry points by which a third party offers explainers: ``name = "pkg.module:function"``."""

_HERE = "xaigt.explainers"
CAMS = {
    "gradcam": "cams.gradcam:gradcam",
    "gradcam++": "cams.gradcam_plusplus:gradcam_plusplus",
    "hirescam": "cams.hirescam:hirescam",
    "gradcam-elementwise": "cams.gradcam_elementwise:gradcam_elementwise",
    "xgradcam": "cams.xgradcam:xgradcam",
    "layercam": "cams.layercam:layercam",
    "eigencam": "cams.eigencam:eigencam",
    "eigengradcam": "cams.eigengradcam:eigengradcam",
    "ablationcam": "cams.ablationcam:ablationcam",
    "scorecam": "cams.scorecam:scorecam",
    "fullgrad": "cams.fullgrad:fullgrad",
    "kpca-cam": "cams.kpca_cam:kpca_cam",
    "shapleycam": "cams.shapleycam:shapleycam",
    "finercam": "cams.finercam:finercam",
    "randomcam": "cams.randomcam:randomcam",
    "ms-gradcam++": "cams.ms_gradcam_plusplus:ms_gradcam_plusplus",
}
ATTRIBUTIONS = {
    "saliency": "attributions.saliency:saliency",
    "input-x-gradient": "attributions.input_x_gradient:input_x_gradient",
    "integrated-gradients": "attributions.integrated_gradients:integrated_gradients",
    "gradient-shap": "attributions.gradient_shap:gradient_shap",
    "deeplift": "attributions.deeplift:deeplift",
    "guided-backprop": "attributions.guided_backprop:guided_backprop",
    "deconvolution": "attributions.deconvolution:deconvolution",
    "lrp": "attributions.lrp:lrp",
    "smoothgrad": "attributions.smoothgrad:smoothgrad",
    "occlusion": "attributions.occlusion:occlusion",
}
BASELINES = {
    "random": "baselines.random_map:random_map",
    "input": "baselines.raw_input:raw_input",
    "support": "baselines.support:support",
    "prior": "baselines.prior:prior",
    "sobel": "baselines.sobel:sobel",
    "laplace": "baselines.laplace:laplace",
    "contrast": "baselines.contrast:contrast",
    "oracle": "baselines.oracle:oracle",
}
UNTRAINED = "untrained/"
"""Prefix of the baseline that runs an explainer on an untrained copy of the network."""

PER_STAGE = ("activations", "gradients", "curvature", "gradients_of", "stage")
ALL_STAGES = ("stage_activations", "stage_gradients")
GIVEN = (*PER_STAGE, *ALL_STAGES, "inputs", "targets", "score", "model", "context", "budget", "progress")
"""Names of the parameters that ``explain`` fills in; all others are options."""

Level = Literal["stage", "stages", "input"]


@dataclass(frozen=True)
class Explainer:
    """An explanation method.

    Attributes
    ----------
    name
        Its name: the first half of a key of the result.
    function
        What computes the maps; it is given what its parameters name.
    needs
        Which of :data:`GIVEN` it asks for.
    options
        Names of its other parameters.
    level
        ``stage``: one map a stage; ``stages``: one map from all stages; ``input``: one map, of no stage.
    """

    name: str
    function: Callable[..., Any]
    needs: frozenset[str]
    options: frozenset[str]
    level: Level


def available(kind: Literal["all", "cam", "attribution", "baseline", "installed"] = "all") -> list[str]:
    """Names of the explainers there are, entry points of installed packages included."""
    kinds = {"cam": list(CAMS), "attribution": list(ATTRIBUTIONS), "baseline": list(BASELINES)}
    kinds["installed"] = sorted(point.name for point in entry_points(group=ENTRY_POINTS))
    if kind == "all":
        return [name for names in kinds.values() for name in names]
    return kinds[kind]


def find_explainer(method: str | Callable[..., Any]) -> Explainer:
    """Find an explainer by its name, ``pkg.module:function``, or the function itself.

    Parameters
    ----------
    method
        One of :func:`available`, the address of a function in any importable module, or a function.

    Raises
    ------
    ExplainerError
        For an unknown name, an address that does not import, or parameters without default that ``explain``
        does not know.
    """
    if not isinstance(method, str):
        name = getattr(method, "__qualname__", type(method).__name__)
        return describe(name, method)
    builtin = {**CAMS, **ATTRIBUTIONS, **BASELINES}
    if method in builtin:
        return describe(method, _import(method, f"{_HERE}.{builtin[method]}"))
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == method:
            return describe(method, _import(method, point.value))
    if ":" in method:
        return describe(method, _import(method, method))
    raise ExplainerError(
        f"unknown explainer {method!r}: {nearest(method, available())}; or give pkg.module:function"
    )


def describe(name: str, function: Callable[..., Any]) -> Explainer:
    """Read from a function's parameters what it needs to be given."""
    needs, options = set(), set()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in GIVEN:
            needs.add(parameter.name)
        elif parameter.default is not parameter.empty:
            options.add(parameter.name)
        else:
            raise ExplainerError(
                f"explainer {name!r}: its parameter {parameter.name!r} is neither an option with a default "
                f"nor something that explain gives; {nearest(parameter.name, GIVEN)}"
            )
    per_stage, fused = needs.intersection(PER_STAGE), needs.intersection(ALL_STAGES)
    if per_stage and fused:
        raise ExplainerError(
            f"explainer {name!r} asks for one stage ({', '.join(sorted(per_stage))}) and for all of them "
            f"({', '.join(sorted(fused))}): it can have one or the other"
        )
    level: Level = "stage" if per_stage else "stages" if fused else "input"
    return Explainer(name, function, frozenset(needs), frozenset(options), level)


def _import(name: str, address: str) -> Callable[..., Any]:
    module, _, attribute = address.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ExplainerError(f"explainer {name!r}: {address} cannot be imported: {error}") from error
    if not callable(found):
        raise ExplainerError(f"explainer {name!r}: {address} is a {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]
