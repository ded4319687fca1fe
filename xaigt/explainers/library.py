"""The classes of the grad-cam library behind the same interface: the maps that it really gives."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from xaigt.errors import nearest
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.session import Session
from xaigt.explainers.stages import Stage
from xaigt.explainers.targets import Resolved, logits_of

CLASSES = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "gradcam-elementwise": "GradCAMElementWise",
    "xgradcam": "XGradCAM",
    "layercam": "LayerCAM",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
    "ablationcam": "AblationCAM",
    "scorecam": "ScoreCAM",
    "fullgrad": "FullGrad",
    "kpca-cam": "KPCA_CAM",
    "shapleycam": "ShapleyCAM",
    "finercam": "FinerCAM",
    "randomcam": "RandomCAM",
}


class _Logits(nn.Module):
    """The model as the library expects it: a tensor of logits out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        return logits_of(self.model(inputs))


def _row_target(targets: Resolved, row: int) -> Callable[[Tensor], Tensor]:
    index = torch.tensor([row])
    return lambda logits: targets.scores(logits.reshape(1, -1), index)[0]


def library_maps(name: str, session: Session, stage: Stage | None, options: Mapping[str, Any]) -> Tensor:
    """Give maps of a class of the grad-cam library, Tensor[B, *size].

    Parameters
    ----------
    name
        Name of the method here.
    session
        The batch; its model is borrowed with gradients of parameters allowed, which the library needs.
    stage
        Target layer.
    options
        Passed on to the constructor of the class.

    Returns
    -------
    Tensor[B, *size]
        After the ReLU, min-max scaling, resizing and min-max scaling inside the library.
    """
    if name not in CLASSES:
        raise ExplainerError(f"the grad-cam library has no method {name!r}; {nearest(name, CLASSES)}")
    try:
        library = importlib.import_module("pytorch_grad_cam")
    except ImportError:
        raise ExplainerError("backend='grad-cam' needs the library: pip install grad-cam") from None
    targets, inputs = session.targets, session.inputs
    own = None if name == "finercam" else [_row_target(targets, row) for row in range(len(inputs))]
    arguments: dict[str, Any] = dict(options)
    if stage is not None and session.layouts[stage.name].kind != "channels-first":
        arguments["reshape_transform"] = session.layouts[stage.name].to_grid
    model = _Logits(session.model)
    leaf = inputs.detach().clone().requires_grad_()
    quiet = io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), torch.enable_grad():
            method = getattr(library, CLASSES[name])(
                model=model, target_layers=[] if stage is None else [stage.module], **arguments
            )
            with method:
                found = method(input_tensor=leaf, targets=own)
    except Exception as error:
        raise ExplainerError(
            f"grad-cam's {CLASSES[name]} failed on this model and input ({type(error).__name__}: {error}); "
            "backend='xaigt' may work"
        ) from error
    if len(found) != len(inputs):
        raise ExplainerError(f"grad-cam's {CLASSES[name]} gave {len(found)} maps for {len(inputs)} inputs")
    return torch.from_numpy(found).float().to(inputs.device)
