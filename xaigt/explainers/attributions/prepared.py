"""A copy of a network on which rules for ReLUs, sums and products can be trusted.

captum's DeepLift, LRP, guided backpropagation and deconvolution act on modules. In-place ReLUs, a module used
twice, ``F.relu`` in a forward method, or a residual ``x + y`` make them fail, or worse, give another result
without a word. Here the copy gets one fresh module for every call: of a ReLU or any other module without
children that runs more than once, of every functional ReLU, and of every sum of two branches. What a
method has no rule for is refused, with the name of the module.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xaigt.explainers.errors import ExplainerError
from xaigt.explainers.targets import logits_of

Rule = Literal["relu", "deeplift", "lrp"]

RELUS = {functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
SUMS = {torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__iadd__, Tensor.__radd__}
PRODUCTS = {
    "mul",
    "mul_",
    "multiply",
    "matmul",
    "bmm",
    "einsum",
    "div",
    "true_divide",
    "scaled_dot_product_attention",
}
PRODUCTS |= {"__mul__", "__imul__", "__rmul__", "__matmul__", "__truediv__", "baddbmm"}
CURVED = {
    "gelu",
    "silu",
    "sigmoid",
    "softmax",
    "log_softmax",
    "tanh",
    "elu",
    "leaky_relu",
    "hardtanh",
    "softplus",
}
CURVED |= {"hardswish", "hardsigmoid", "mish", "prelu", "exp", "log", "pow", "sqrt", "rsqrt", "max", "amax"}
CURVED |= {
    "layer_norm",
    "group_norm",
    "instance_norm",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "clamp",
    "abs",
}
CURVED |= {"adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"}
MEANS = {"mean", "sum", "avg_pool1d", "avg_pool2d", "avg_pool3d", "interpolate"}
MEANS |= {"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"}


class _Fresh(nn.Module):
    """One copy of a module for every call in a forward pass."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.copies = nn.ModuleList(modules)
        self.turn = 0

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        self.turn += 1
        return self.copies[self.turn - 1](*args, **kwargs)


class _Sum(nn.Module):
    """A sum of two branches as a module."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other


class _Router(TorchFunctionMode):
    """Sends functional ReLUs and sums of branches to modules, or counts them and refuses the rest."""

    def __init__(self, refuse: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self.refuse = refuse
        self.leaf = 0
        self.relus = self.sums = 0
        self.to_relu: Sequence[nn.Module] = ()
        self.to_sum: Sequence[nn.Module] = ()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.leaf:
            return func(*args, **kwargs)
        if func in RELUS:
            self.relus += 1
            return self.to_relu[self.relus - 1](args[0]) if self.to_relu else functional.relu(args[0])
        if func in SUMS and len(args) > 1 and _depends(args[0]) and _depends(args[1]):
            self.sums += 1
            if self.to_sum and args[0].shape == args[1].shape:
                return self.to_sum[self.sums - 1](args[0], args[1])
            return args[0] + args[1]
        if self.refuse is not None:
            name = getattr(func, "__name__", "")
            operands = [a for a in _flat([*args, *kwargs.values()]) if _depends(a)]
            if operands and (name in CURVED or name in MEANS or (name in PRODUCTS and len(operands) > 1)):
                self.refuse(name)
        return func(*args, **kwargs)


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
        self, model: nn.Module, sample: Tensor, method: str, rule: Rule, known: frozenset[type[nn.Module]]
    ) -> None:
        super().__init__()
        self.body = _unfused(copy.deepcopy(model))
        for module in self.body.modules():
            if getattr(module, "inplace", False) is True:
                module.inplace = False  # type: ignore[assignment]
        calls, relus, sums = _probe(self.body, sample, method, rule, known)
        if rule == "relu" and not relus and not any(isinstance(m, nn.ReLU) for m in calls):
            others = sorted({type(m).__name__ for m in calls if _is_activation(m)})
            where = next((p for p, m in self.body.named_modules() if m in calls and _is_activation(m)), "")
            raise ExplainerError(
                f"{method} changes the gradient of ReLUs, and this network has none"
                + (
                    f": its non-linearities are {', '.join(others)} (the first at {where!r})"
                    if others
                    else ""
                )
            )
        for module, count in calls.items():
            if count > 1:
                _replace(self.body, module, _Fresh([_clone(module) for _ in range(count)]))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(relus))
        self.sums = nn.ModuleList(_Sum() for _ in range(sums if rule == "lrp" else 0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, Tensor[B, K]."""
        for module in self.body.modules():
            if isinstance(module, _Fresh):
                module.turn = 0
        router = _Router()
        router.to_relu, router.to_sum = list(self.relus), list(self.sums)
        with _leaves(self.body, router), router:
            return logits_of(self.body(inputs))


def _probe(
    body: nn.Module, sample: Tensor, method: str, rule: Rule, known: frozenset[type[nn.Module]]
) -> tuple[dict[nn.Module, int], int, int]:
    names = {module: path for path, module in body.named_modules()}
    calls: dict[nn.Module, int] = {}
    running: list[nn.Module] = []

    def refuse(what: str) -> None:
        if rule == "relu" or (rule == "deeplift" and what in MEANS):
            return
        where = names.get(running[-1], "") if running else ""
        place = f"module {where!r} ({type(running[-1]).__name__})" if where else "the network's own forward"
        raise ExplainerError(
            f"{method} has no rule for the operation {what!r} in {place}: use input-x-gradient, "
            "integrated-gradients or smoothgrad on this network"
        )

    def before(module: nn.Module, args: Any) -> None:
        running.append(module)
        if any(module.children()):
            return
        calls[module] = calls.get(module, 0) + 1
        if rule != "relu" and type(module) not in known and not _harmless(module):
            raise ExplainerError(
                f"{method} has no rule for module {names[module]!r} ({type(module).__name__}): use "
                "input-x-gradient, integrated-gradients or smoothgrad on this network"
            )

    def after(module: nn.Module, args: Any, output: Any) -> None:
        running.pop()

    handles = [m.register_forward_pre_hook(before) for m in names]
    handles += [m.register_forward_hook(after) for m in names]
    router = _Router(refuse)
    try:
        with _leaves(body, router), router:
            body(sample.detach().clone().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    return calls, router.relus, router.sums


@contextmanager
def _leaves(body: nn.Module, router: _Router) -> Iterator[None]:
    """Tell the router when a module without children runs: what happens inside it has a rule or none."""

    def enter(module: nn.Module, args: Any) -> None:
        router.leaf += 1

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        router.leaf -= 1

    leaves = [m for m in body.modules() if not any(m.children())]
    handles = [m.register_forward_pre_hook(enter, prepend=True) for m in leaves]
    handles += [m.register_forward_hook(leave) for m in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _unfused(model: nn.Module) -> nn.Module:
    """Split timm's BatchNorm with activation into the two modules that it is."""
    for path, module in list(model.named_modules()):
        act = getattr(module, "act", None)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)) and isinstance(
            act, nn.Module
        ):
            plain = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[
                next(
                    d
                    for d in (1, 2, 3)
                    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[d - 1])
                )
            ](module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
            plain.load_state_dict(module.state_dict(), strict=False)
            for parameter in plain.parameters():
                parameter.requires_grad_(False)
            sequence = nn.Sequential(plain, act).to(next(iter(module.buffers())).device).eval()
            parent = model.get_submodule(path.rpartition(".")[0])
            parent._modules[path.rpartition(".")[2]] = sequence
    return model


def _replace(body: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in list(body.modules()):
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new


def _clone(module: nn.Module) -> nn.Module:
    # Parameters are shared: LRP restores them by state, and no method here trains.
    twin = copy.copy(module)
    twin.__dict__ = dict(module.__dict__)
    for table in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        setattr(twin, table, type(getattr(module, table))())
    return twin


def _is_activation(module: nn.Module) -> bool:
    kind = type(module)
    return kind.__module__ == "torch.nn.modules.activation" or any(
        word in kind.__name__.lower() for word in ("swish", "silu", "gelu", "sigmoid", "mish")
    )


def _harmless(module: nn.Module) -> bool:
    return type(module).__name__ in {"DropPath", "DropBlock2d"} and not module.training


def _depends(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _flat(value)
        else:
            yield value
