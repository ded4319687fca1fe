"""Give functional code the modules that captum's rules need, by intercepting it as it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xaigt.explainers.attributions.pooling import MaxPool, separated

Rule = Literal["relu", "deeplift", "lrp"]

_POOLS: dict[str, type[MaxPool]] = {
    "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d,
    "max_pool3d": nn.MaxPool3d,
}
_RELUS = {functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_SUMS = {"add", "add_", "__add__", "__radd__", "__iadd__"}
_LINEAR = {"cat", "concat", "mean", "sum", "avg_pool1d", "avg_pool2d", "avg_pool3d", "interpolate", "pad"}
_LINEAR |= {"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"}
_SHAPES = {
    "flatten",
    "reshape",
    "view",
    "permute",
    "transpose",
    "squeeze",
    "unsqueeze",
    "__getitem__",
    "contiguous",
}
_PRODUCTS = {"mul", "mul_", "multiply", "matmul", "bmm", "einsum", "div", "true_divide", "baddbmm"}
_PRODUCTS |= {"__mul__", "__imul__", "__rmul__", "__matmul__", "__truediv__", "scaled_dot_product_attention"}
_CURVED = {"gelu", "silu", "sigmoid", "softmax", "log_softmax", "tanh", "elu", "leaky_relu", "hardtanh"}
_CURVED |= {"softplus", "hardswish", "hardsigmoid", "mish", "prelu", "exp", "log", "pow", "sqrt", "rsqrt"}
_CURVED |= {"max", "amax", "layer_norm", "group_norm", "instance_norm", "clamp", "abs", "norm"}
_CURVED |= {"adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"}


class Call(nn.Module):
    """One functional call as a module; what it does is set before each run."""

    def __init__(self) -> None:
        super().__init__()
        self.function: Callable[..., Tensor] = torch.add

    def forward(self, *operands: Tensor) -> Tensor:
        """Run the call on its operands that depend on the input."""
        return self.function(*operands)


class Router(TorchFunctionMode):
    """Sends functional calls to modules, one module for every call of a forward pass.

    Parameters
    ----------
    rule
        ``relu`` routes ReLUs; ``deeplift`` max pooling too; ``lrp`` every linear operation as well.
    refuse
        Called with the name of an operation that the rule cannot treat.

    Attributes
    ----------
    made
        The modules, in the order of the calls: made in the first pass, used again in later ones.
    leaf
        How many modules without children are running: what happens inside them is not routed.
    """

    def __init__(self, rule: Rule, refuse: Callable[[str], None]) -> None:
        super().__init__()
        self.rule, self.refuse = rule, refuse
        self.leaf = 0
        self.turn = 0
        self.made: list[nn.Module] = []
        self.fixed: Sequence[nn.Module] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Intercept a call of a torch function."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        operands = [a for a in _flat([*args, *kwargs.values()]) if _depends(a)]
        if self.leaf or not operands:
            return func(*args, **kwargs)
        if func in _RELUS:
            return self._next(nn.ReLU)(args[0])
        if name in _POOLS and self.rule != "relu":
            keys = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
            settings = dict(zip(keys, args[1:], strict=False)) | {
                k: v for k, v in kwargs.items() if k in keys
            }
            settings["stride"] = settings.get("stride") or None
            return self._next(lambda: self._pool(name, settings))(args[0])
        if self.rule == "lrp" and (name in _LINEAR or name in _SHAPES or name in _SUMS):
            module = self._next(Call)
            plain = torch.add if name in _SUMS else func
            module.function = partial(_rebuilt, plain, args, kwargs)  # type: ignore[assignment]
            return module(*operands)
        if self.rule != "relu" and (name in _CURVED or (name in _PRODUCTS and len(operands) > 1)):
            self.refuse(name)
        return func(*args, **kwargs)

    def _next(self, make: Callable[[], nn.Module]) -> nn.Module:
        self.turn += 1
        if self.fixed is not None:
            return self.fixed[self.turn - 1]
        self.made.append(make())
        return self.made[-1]

    def _pool(self, name: str, settings: dict[str, Any]) -> nn.Module:
        pool = _POOLS[name](**settings)
        return separated(pool) if self.rule == "deeplift" else pool

    @contextmanager
    def routing(self, body: nn.Module) -> Iterator[None]:
        """Intercept what runs inside; ``body`` is the network that will run."""
        self.turn = self.leaf = 0
        leaves = [m for m in body.modules() if not any(m.children())]
        handles = [m.register_forward_pre_hook(self._enter, prepend=True) for m in leaves]
        handles += [m.register_forward_hook(self._leave) for m in leaves]
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, args: Any) -> None:
        self.leaf += 1

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        self.leaf -= 1


def _rebuilt(func: Any, args: Any, kwargs: dict[str, Any], *operands: Tensor) -> Tensor:
    """Call a function with the tensors that depend on the input replaced, in order."""
    pending = list(operands)

    def fill(value: Any) -> Any:
        if _depends(value):
            return pending.pop(0)
        if isinstance(value, (tuple, list)):
            return type(value)(fill(v) for v in value)
        return value

    filled = [fill(a) for a in args]
    return func(*filled, **{key: fill(value) for key, value in kwargs.items()})  # type: ignore[no-any-return]


def _depends(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _flat(value)
        else:
            yield value
