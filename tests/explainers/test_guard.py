"""Nothing is left behind on the model, also after an exception in the middle."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from tests.explainers.test_batch import FAST, METHODS, STAGES, context_of
from tests.explainers.tiny import batch, cnn
from xaigt.explainers import ExplainerError, explain

LIBRARY = ["gradcam", "ablationcam", "scorecam", "eigencam", "shapleycam", "fullgrad"]


def portrait(net):
    """Everything of a model that a caller could see change."""
    seen = {}
    for path, module in net.named_modules(remove_duplicate=False):
        tables = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        seen[path] = (
            id(module),
            type(module),
            module.training,
            "forward" in module.__dict__,
            sorted(module.__dict__),
            *(list(getattr(module, name).items()) for name in tables),
        )
    for path, p in net.named_parameters():
        seen["p", path] = (
            id(p),
            p.requires_grad,
            None if p.grad is None else (id(p.grad), p.grad.tolist()),
            p.tolist(),
        )
    for path, b in net.named_buffers():
        seen["b", path] = (id(b), b.tolist())
    return seen


def randomness():
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002


@pytest.fixture
def net():
    net = cnn(2)
    net.train()
    net.bn1.eval()  # modes differ from module to module
    net.conv1.weight.requires_grad_(False)
    net.head.bias.grad = torch.ones(3)
    net.pool.register_forward_hook(lambda m, a, o: None)
    return net


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left(net, method):
    inputs = batch(2)
    before, chance, image = portrait(net), randomness(), inputs.clone()
    options = {method: FAST[method]} if method in FAST else None
    explain(net, inputs, [2, 0, 1], method, stages=STAGES, context=context_of(inputs), options=options)
    assert portrait(net) == before
    assert randomness() == chance
    assert torch.equal(inputs, image)
    assert not inputs.requires_grad


@pytest.mark.parametrize("method", LIBRARY)
def test_nothing_is_left_by_the_library(net, method):
    before, chance = portrait(net), randomness()
    explain(net, batch(2), [2, 0, 1], method, stages=["relu2"], backend="grad-cam")
    assert portrait(net) == before
    assert randomness() == chance


class Bomb(nn.Module):
    """Passes its input on, and fails at the call that it was told to."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def forward(self, x):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("in the middle")
        return x


@pytest.mark.parametrize("backend", ["xaigt", "grad-cam"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "method", ["gradcam", "ablationcam", "scorecam", "fullgrad", "integrated-gradients", "occlusion"]
)
def test_nothing_is_left_after_an_exception(net, method, at, backend):
    if backend == "grad-cam" and method in ("integrated-gradients", "occlusion"):
        pytest.skip("not in that library")
    net.drop = Bomb(at)
    before, chance = portrait(net), randomness()
    try:
        explain(net, batch(2), [2, 0, 1], method, stages=["relu2"], backend=backend, max_memory=1)
        failed = False
    except (RuntimeError, ExplainerError):
        failed = True
    assert failed or net.drop.left > 0 or method == "ablationcam"  # that one falls back to whole passes
    assert portrait(net) == before
    assert randomness() == chance


def test_the_method_itself_fails(net):
    def broken(activations, gradients, model):
        model.train()
        model.conv2 = nn.Identity()
        model.head.weight.grad = torch.ones_like(model.head.weight)
        model.pool.register_forward_hook(lambda *a: None)
        torch.manual_seed(0)
        raise ZeroDivisionError

    before, chance = portrait(net), randomness()
    with pytest.raises(ZeroDivisionError):
        explain(net, batch(2), 0, broken, stages=["relu2"])
    assert portrait(net) == before
    assert randomness() == chance


@pytest.mark.parametrize("scope", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_or_not_and_under_any_grad_mode(scope, frozen):
    net, methods = (
        cnn(2),
        ["gradcam", "hirescam", "shapleycam", "ablationcam", "saliency", "deeplift", "lrp", "fullgrad"],
    )
    expected = explain(net, batch(2), [2, 0, 1], methods, stages=STAGES)
    net.requires_grad_(not frozen)
    with scope():
        found = explain(net, batch(2), [2, 0, 1], methods, stages=STAGES)
        assert torch.is_grad_enabled() == (scope is torch.enable_grad)
    for key in expected:
        torch.testing.assert_close(found[key], expected[key])


def test_autocast():
    net, inputs = cnn(2), batch(2)
    methods = ["gradcam", "hirescam", "eigencam", "ablationcam", "scorecam", "saliency", "occlusion"]
    exact = explain(net, inputs, [2, 0, 1], methods, stages=["relu2"])
    seen = []
    net.head.register_forward_hook(lambda m, a, o: seen.append(o.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = explain(net, inputs, [2, 0, 1], methods, stages=["relu2"])
    assert set(seen) == {torch.bfloat16}  # every pass, reruns too, under the caller's autocast
    for key in exact:
        assert found[key].dtype == torch.float32
        a, b = exact[key].flatten() - exact[key].mean(), found[key].flatten() - found[key].mean()
        assert float(a @ b / (a.norm() * b.norm())) > 0.95, key


def test_double_precision():
    net, inputs = cnn(2).double(), batch(2).double()
    maps = explain(net, inputs, [2, 0, 1], ["hirescam", "eigencam", "ablationcam"], stages=["relu2"])
    assert maps["hirescam", "relu2"].dtype == torch.float64
