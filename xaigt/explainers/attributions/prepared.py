"""A copy of a network on which rules for ReLUs, sums and products can be trusted.

captum's DeepLift, LRP, guided backpropagation and deconvolution act on modules. In-place ReLUs, a module used
twice, ``F.relu`` in a forward method, or a residual ``x + y`` make them fail or, worse, give another result
without a word. Here the copy gets one fresh module for every call: of any module without children that runs
more than once, of every functional ReLU and max pooling, and for LRP of every functional linear operation.
What a method has no rule for is refused, with the name of the module.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from xaigt.explainers.attributions.pooling import separated
from xaigt.explainers.attributions.router import Router, Rule
from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.targets import logits_of

_INSTEAD = "use input-x-gradient, integrated-gradients or smoothgrad on this network"
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_HARMLESS = {"DropPath", "DropBlock2d", "StochasticDepth"}


class _Fresh(nn.Module):
    """One copy of a module for every call in a forward pass."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.copies = nn.ModuleList(modules)
        self.turn = 0

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        self.turn += 1
        return self.copies[self.turn - 1](*args, **kwargs)


class Prepared(nn.Module):
    """A copy of a classifier in which every rule finds a module of its own for every call.

    Parameters
    ----------
    model
        Borrowed model; not touched.
    sample : Tensor[1, C, *size]
        An input to run it on.
    method
        Name of the method, for messages.
    rule
        ``relu``: only ReLUs matter. ``deeplift``: every non-linearity must have a rescale rule. ``lrp``:
        every operation must have a rule.
    known
        Types of leaf modules that the method has a rule for.

    Raises
    ------
    ExplainerError
        If the network does something that the method has no rule for, naming the module.
    """

    def __init__(
        self, model: nn.Module, sample: Tensor, method: str, rule: Rule, known: tuple[type[nn.Module], ...]
    ) -> None:
        super().__init__()
        self.method, self.known = method, known
        self.body = _unfused(copy.deepcopy(model))
        for module in self.body.modules():
            if getattr(module, "inplace", False) is True:
                module.inplace = False  # type: ignore[assignment]
        if rule == "deeplift":
            for module in list(self.body.modules()):
                if type(module) in (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d):
                    _replace(self.body, module, separated(module))  # type: ignore[arg-type]
        self._names = {module: path for path, module in self.body.named_modules()}
        self._running: list[nn.Module] = []
        self._router = [Router(rule, self._refuse)]  # in a list: it is no part of the network
        calls = self._probe(sample, rule)
        for module, count in calls.items():
            if count > 1:
                _replace(self.body, module, _Fresh([_twin(module) for _ in range(count)]))
        self.routed = nn.ModuleList(self._router[0].made)
        self._router[0].fixed = list(self.routed)
        if rule == "relu" and not any(isinstance(m, nn.ReLU) for m in [*calls, *self.routed]):
            self._no_relu(calls)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, Tensor[B, K]."""
        for module in self.body.modules():
            if isinstance(module, _Fresh):
                module.turn = 0
        with self._router[0].routing(self.body):
            return logits_of(self.body(inputs))

    def _probe(self, sample: Tensor, rule: Rule) -> dict[nn.Module, int]:
        calls: dict[nn.Module, int] = {}

        def before(module: nn.Module, args: Any) -> None:
            self._running.append(module)
            if any(module.children()):
                return
            calls[module] = calls.get(module, 0) + 1
            known = isinstance(module, self.known) or type(module).__name__ in _HARMLESS
            if rule != "relu" and not known:
                raise ExplainerError(
                    f"{self.method} has no rule for module {self._names[module]!r} "
                    f"({type(module).__name__}): {_INSTEAD}"
                )

        def after(module: nn.Module, args: Any, output: Any) -> None:
            self._running.pop()

        handles = [m.register_forward_pre_hook(before) for m in self._names]
        handles += [m.register_forward_hook(after) for m in self._names]
        try:
            with self._router[0].routing(self.body):
                self.body(sample.detach().clone().requires_grad_())
        finally:
            for handle in handles:
                handle.remove()
        return calls

    def _refuse(self, operation: str) -> None:
        path = self._names.get(self._running[-1], "") if self._running else ""
        kind = type(self._running[-1]).__name__ if path else ""
        place = f"module {path!r} ({kind})" if path else "the network's own forward method"
        raise ExplainerError(
            f"{self.method} has no rule for the operation {operation!r} in {place}: {_INSTEAD}"
        )

    def _no_relu(self, calls: dict[nn.Module, int]) -> None:
        others = [m for m in calls if _is_activation(m)]
        found = ", ".join(sorted({type(m).__name__ for m in others}))
        raise ExplainerError(
            f"{self.method} changes the gradient of ReLUs, and this network has none"
            + (
                f": its non-linearities are {found} (the first is {self._names[others[0]]!r})"
                if others
                else ""
            )
        )


def _unfused(model: nn.Module) -> nn.Module:
    """Split a BatchNorm with an activation inside (timm's) into the two modules that it is."""
    for path, module in list(model.named_modules()):
        act = getattr(module, "act", None)
        kind = next((k for k in _BATCH_NORMS if isinstance(module, k)), None)
        if kind is None or not isinstance(act, nn.Module):
            continue
        plain = kind(module.num_features, module.eps, affine=module.affine)
        plain.load_state_dict(module.state_dict(), strict=False)
        plain.to(next(module.buffers()).device).requires_grad_(False)
        parent, _, name = path.rpartition(".")
        model.get_submodule(parent)._modules[name] = nn.Sequential(plain, act).eval()
    return model


def _replace(body: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in list(body.modules()):
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new


def _twin(module: nn.Module) -> nn.Module:
    # Parameters are shared (nothing here trains), hooks are not.
    twin = copy.copy(module)
    twin.__dict__ = dict(module.__dict__)
    for table in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        setattr(twin, table, type(getattr(module, table))())
    return twin


def _is_activation(module: nn.Module) -> bool:
    kind = type(module)
    return kind.__module__ == "torch.nn.modules.activation" or any(
        word in kind.__name__.lower() for word in ("swish", "silu", "gelu", "mish")
    )
