"""Attributions: parity with captum where it is right, and repairs or refusals where it is not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.explainers.tiny import batch, cnn
from xaigt.explainers import ExplainerError, explain

captum = pytest.importorskip("captum.attr")
EpsilonRule = pytest.importorskip("captum.attr._utils.lrp_rules").EpsilonRule

CLASSES = torch.tensor([2, 0, 1])


def sequential(dims=2):
    """The tiny network as captum wants it: ReLUs that are neither in place nor used twice."""
    net = cnn(dims)
    net.relu1.inplace = net.relu2.inplace = False
    net.pool = (nn.MaxPool2d if dims == 2 else nn.MaxPool3d)(2)
    return net


def total(attributions):
    return attributions.detach().sum(1)


PARITY = {
    "saliency": (lambda net, x: captum.Saliency(net).attribute(x, target=CLASSES), {}),
    "input-x-gradient": (lambda net, x: captum.InputXGradient(net).attribute(x, target=CLASSES), {}),
    "integrated-gradients": (
        lambda net, x: captum.IntegratedGradients(net).attribute(x, target=CLASSES, n_steps=20),
        {"steps": 20},
    ),
    "deeplift": (lambda net, x: captum.DeepLift(net).attribute(x, target=CLASSES), {}),
    "guided-backprop": (lambda net, x: captum.GuidedBackprop(net).attribute(x, target=CLASSES), {}),
    "deconvolution": (lambda net, x: captum.Deconvolution(net).attribute(x, target=CLASSES), {}),
    "occlusion": (
        lambda net, x: captum.Occlusion(net).attribute(
            x, (x.shape[1], *[3] * (x.ndim - 2)), (1, *[2] * (x.ndim - 2)), target=CLASSES
        ),
        {"window": 3, "stride": 2},
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", PARITY)
def test_parity(method, dims):
    theirs, options = PARITY[method]
    inputs = batch(dims)
    ours = explain(sequential(dims), inputs, CLASSES, method, options={method: options})[method, "input"]
    expected = theirs(sequential(dims), inputs.clone().requires_grad_())
    torch.testing.assert_close(ours, total(expected), atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_lrp_parity_in_2d():
    torch.manual_seed(0)
    body = [
        nn.Conv2d(1, 3, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 3, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
    ]
    net, inputs = nn.Sequential(*body, nn.Flatten(), nn.Linear(3, 3)), batch(2, size=10)
    ours = explain(net, inputs, CLASSES, "lrp")["lrp", "input"]
    net[6].rule = EpsilonRule()  # captum has none for a flattening
    expected = captum.LRP(net).attribute(inputs.clone().requires_grad_(), target=CLASSES)
    torch.testing.assert_close(ours, total(expected), atol=1e-5, rtol=1e-3)


class Residual(nn.Module):
    """What captum's module rules trip over: reuse, in place, functional, residual, overlap, cat."""

    def __init__(self, dims):
        super().__init__()
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.dims = dims
        self.norm = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims](4)
        self.first, self.second, self.third = (
            conv(1, 4, 3, padding=1),
            conv(4, 4, 3, padding=1),
            conv(4, 4, 1),
        )
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(8, 3)
        with torch.no_grad():
            self.norm.running_mean.uniform_(-0.1, 0.1)

    def forward(self, x):
        pool = {2: functional.max_pool2d, 3: functional.max_pool3d}[self.dims]
        mean = {2: functional.adaptive_avg_pool2d, 3: functional.adaptive_avg_pool3d}[self.dims]
        x = self.act(self.norm(self.first(x)))
        y = self.second(x)
        y += x
        y = self.act(y)
        y = torch.cat([y, functional.relu(self.third(y))], 1)
        y = pool(y, 3, stride=2, padding=1)
        return self.head(mean(y, 1).flatten(1))


@pytest.fixture(params=[2, 3])
def residual(request):
    torch.manual_seed(0)
    return Residual(request.param).eval(), batch(request.param)


def picked(logits):
    return logits[[0, 1, 2], CLASSES].detach()


def test_deeplift_is_complete(residual):
    net, inputs = residual
    reference = torch.randn_like(inputs[:1])
    maps = explain(net, inputs, CLASSES, "deeplift", context={"reference": reference})
    expected = picked(net(inputs)) - net(reference)[0, CLASSES].detach()
    torch.testing.assert_close(maps["deeplift", "input"].flatten(1).sum(1), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_captum_itself_is_not_complete_where_windows_overlap():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(36, 3)
    ).eval()
    inputs = batch(2, size=12)
    difference = picked(net(inputs)) - picked(net(torch.zeros_like(inputs)))
    theirs = captum.DeepLift(net).attribute(inputs.clone().requires_grad_(), target=CLASSES).detach()
    assert float((theirs.flatten(1).sum(1) - difference).abs().max()) > 0.01
    ours = explain(net, inputs, CLASSES, "deeplift")["deeplift", "input"]
    torch.testing.assert_close(ours.flatten(1).sum(1), difference, atol=1e-5, rtol=1e-4)


def test_integrated_gradients_are_complete(residual):
    net, inputs = residual
    maps = explain(
        net, inputs, CLASSES, "integrated-gradients", options={"integrated-gradients": {"steps": 100}}
    )
    expected = picked(net(inputs)) - picked(net(torch.zeros_like(inputs)))
    torch.testing.assert_close(
        maps["integrated-gradients", "input"].flatten(1).sum(1), expected, atol=5e-3, rtol=1e-2
    )


def test_lrp_of_a_piecewise_linear_network_is_input_times_gradient(residual):
    net, inputs = residual
    maps = explain(net, inputs, CLASSES, ["lrp", "input-x-gradient"])
    torch.testing.assert_close(maps["lrp", "input"], maps["input-x-gradient", "input"], atol=1e-5, rtol=1e-3)


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient.clamp(min=0) * (x > 0)


class Deconvolved(Guided):
    @staticmethod
    def backward(ctx, gradient):
        return gradient.clamp(min=0)


@pytest.mark.parametrize(("method", "rule"), [("guided-backprop", Guided), ("deconvolution", Deconvolved)])
def test_every_relu_is_changed(residual, method, rule, monkeypatch):
    net, inputs = residual
    ours = explain(net, inputs, CLASSES, method)[method, "input"]
    net.act = type("Rule", (nn.Module,), {"forward": lambda self, x: rule.apply(x)})()
    monkeypatch.setattr(functional, "relu", lambda x, inplace=False: rule.apply(x))
    leaf = inputs.clone().requires_grad_()
    (expected,) = torch.autograd.grad(picked_sum(net(leaf)), leaf)
    torch.testing.assert_close(ours, total(expected), atol=1e-6, rtol=1e-4)


def picked_sum(logits):
    return logits[[0, 1, 2], CLASSES].sum()


@pytest.mark.parametrize(
    ("method", "layer", "words"),
    [
        ("deeplift", nn.SiLU(), "no rule for module 'relu1.odd' (SiLU)"),
        ("deeplift", nn.GroupNorm(1, 6), "no rule for module 'relu1.odd' (GroupNorm)"),
        ("lrp", nn.GELU(), "no rule for module 'relu1.odd' (GELU)"),
        ("guided-backprop", None, "this network has none"),
        ("deconvolution", None, "this network has none"),
    ],
)
def test_what_has_no_rule_is_refused_by_name(method, layer, words):
    net = cnn(2)
    if layer is None:
        net.relu1, net.relu2 = nn.SiLU(), nn.SiLU()
    else:
        net.relu1 = nn.Sequential()
        net.relu1.add_module("odd", layer)
    with pytest.raises(ExplainerError) as error:
        explain(net, batch(2), CLASSES, method)
    assert words in str(error.value)


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = Gate()
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        return self.head(self.gate(x).flatten(1))


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return self.left(x) * self.right(x)


@pytest.mark.parametrize("method", ["deeplift", "lrp"])
def test_products_of_branches_are_refused_by_name(method):
    with pytest.raises(ExplainerError, match="'mul' in module 'gate'"):
        explain(Gated(), batch(2), CLASSES, method)


class Quadratic(nn.Module):
    """Score sum(x^2): the gradient is 2 x."""

    def forward(self, x):
        return x.square().flatten(1).sum(1, keepdim=True)


def test_attributions_of_a_square_by_hand():
    inputs = batch(2)
    options = {
        "integrated-gradients": {"steps": 4},
        "smoothgrad": {"noise": 0.0},
        "gradient-shap": {"samples": 4000},
    }
    maps = explain(
        Quadratic(),
        inputs,
        1,
        ["saliency", "input-x-gradient", "smoothgrad", "integrated-gradients", "gradient-shap"],
        options=options,
    )
    x = inputs[:, 0]
    torch.testing.assert_close(maps["saliency", "input"], 2 * x.abs())
    torch.testing.assert_close(maps["smoothgrad", "input"], 2 * x.abs())
    torch.testing.assert_close(maps["input-x-gradient", "input"], 2 * x * x)
    torch.testing.assert_close(maps["integrated-gradients", "input"], x * x, atol=1e-5, rtol=1e-4)
    # The mean of 2 u x^2 over u uniform in 0..1 is x^2; of 4,000 draws it is within 5 standard errors.
    torch.testing.assert_close(maps["gradient-shap", "input"], x * x, atol=0, rtol=5 * 2 / (12 * 4000) ** 0.5)


def test_channels_become_one_map():
    inputs = batch(2, channels=2)
    for channels, reduce in {
        "sum": lambda a: a.sum(1),
        "l2": lambda a: a.norm(dim=1),
        "absmax": lambda a: a.gather(1, a.abs().argmax(1, keepdim=True))[:, 0],
    }.items():
        options = {"input-x-gradient": {"channels": channels}}
        found = explain(Quadratic(), inputs, 1, "input-x-gradient", options=options)[
            "input-x-gradient", "input"
        ]
        torch.testing.assert_close(found, reduce(2 * inputs * inputs))
