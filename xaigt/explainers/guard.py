"""Borrow a model and give it back as it was, also after an exception."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

_HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)


@contextmanager
def borrowed(model: nn.Module, requires_grad: bool = False) -> Iterator[None]:
    """Lend a model in eval mode, its parameters frozen, and restore everything that can be seen of it.

    Inside, every module is in eval mode (so that BatchNorm statistics stay and a sample does not depend on
    its batch) and no parameter asks for a gradient (so that autograd keeps only what the gradient of an
    activation needs). Restored on the way out: training flags, ``requires_grad``, ``.grad``, hooks,
    submodules, patched ``forward`` methods, buffers' identity, and the states of the global random
    generators of Python, NumPy and torch.

    Parameters
    ----------
    model
        Any torch module.
    requires_grad
        Let every floating-point parameter require a gradient instead: for libraries that fail on frozen
        parameters.

    Notes
    -----
    Gradients are enabled inside, whatever the caller's ``torch.no_grad()`` or ``torch.inference_mode()``.
    Two threads must not borrow one model at the same time.
    """
    modules = list(model.modules())
    parameters = [p for p in model.parameters() if p.is_leaf]
    flags = [module.training for module in modules]
    grads = [(p, p.requires_grad, p.grad, None if p.grad is None else p.grad.clone()) for p in parameters]
    tables = [_tables(module) for module in modules]
    numpy_state = np.random.get_state()  # noqa: NPY002  the global generator is what must be restored
    python_state = random.getstate()
    devices = sorted({p.device.index or 0 for p in parameters if p.device.type == "cuda"})
    try:
        with torch.random.fork_rng(devices=devices), torch.inference_mode(False), torch.enable_grad():
            for module in modules:
                module.training = False
            for p in parameters:
                p.requires_grad_(requires_grad and p.is_floating_point())
                if requires_grad:
                    p.grad = None
            yield
    finally:
        for module, flag, saved in zip(modules, flags, tables, strict=True):
            _restore(module, saved)
            module.training = flag
        for p, needed, grad, value in grads:
            p.requires_grad_(needed)
            p.grad = grad
            if grad is not None and value is not None and not torch.equal(grad, value):
                grad.copy_(value)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _tables(module: nn.Module) -> dict[str, Any]:
    saved: dict[str, Any] = {name: dict(getattr(module, name)) for name in _HOOKS if hasattr(module, name)}
    saved["_modules"] = dict(module._modules)
    saved["_buffers"] = dict(module._buffers)
    saved["keys"] = set(module.__dict__)
    saved["forward"] = module.__dict__.get("forward")
    return saved


def _restore(module: nn.Module, saved: dict[str, Any]) -> None:
    for name, table in saved.items():
        if name in ("keys", "forward"):
            continue
        current = getattr(module, name)
        if dict(current) != table if name != "_buffers" else _differ(current, table):
            current.clear()
            current.update(table)
    if saved["forward"] is not None:
        module.__dict__["forward"] = saved["forward"]
    elif "forward" in module.__dict__:
        del module.__dict__["forward"]


def _differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() != other.keys() or any(one[key] is not other[key] for key in one)
