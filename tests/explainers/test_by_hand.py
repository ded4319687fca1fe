"""Every CAM against numbers computed on paper, in 2-D and in 3-D (a second slice of zeros)."""

import math

import pytest
import torch
from torch import nn

from tests.explainers.tiny import A, Linear, W, deepen
from xaigt.explainers import Logit, LogitDifference, Probability, explain

EXPECTED = {
    # w = mean(G) = (1/2, 1/2)
    "gradcam": [[0.5, 1.5], [2.0, 2.0]],
    # G A
    "hirescam": [[1.0, -1.0], [0.0, 4.0]],
    "gradcam-elementwise": [[1.0, 0.0], [0.0, 4.0]],
    "layercam": [[1.0, 0.0], [0.0, 4.0]],
    # w = (5/10, -1/2)
    "xgradcam": [[0.5, 0.5], [1.0, 2.0]],
    # alpha = 1 / (2 + sum(A) G): w = (2/12, 2/6 + 0 + 1/4)
    "gradcam++": [[1 / 6, 2 / 6 + 7 / 12], [3 / 6 + 7 / 12, 4 / 6]],
    # s = 5; without channel 0: 0, without channel 1: 6; w = (1, -1/5)
    "ablationcam": [[1.0, 1.8], [2.8, 4.0]],
    # the head is linear: no curvature
    "shapleycam": [[0.5, 1.5], [2.0, 2.0]],
    # z1 - z0 = 2 z1
    "finercam": [[1.0, 3.0], [4.0, 4.0]],
}


@pytest.mark.parametrize("method", EXPECTED)
@pytest.mark.parametrize("dims", [2, 3])
def test_cam_of_a_linear_head(method, dims):
    inputs, weights = (A, W) if dims == 2 else (deepen(A), deepen(W))
    expected = torch.tensor([EXPECTED[method]])
    if dims == 3:
        # Means run over twice as many positions; sums do not change.
        half = 0.5 if method in ("gradcam", "shapleycam", "finercam") else 1.0
        expected = torch.stack([half * expected, torch.zeros_like(expected)], 1)
    maps = explain(Linear(weights), inputs, 1, method, stages=["stage"])
    torch.testing.assert_close(maps[method, "stage"], expected, atol=1e-6, rtol=1e-6)


def test_scorecam():
    # masks (A - min) / (max - min): x masked by channel 0 scores 1 + 4 - 1/3, by channel 1 it scores 1 - 1
    scores = torch.tensor([5 - 1 / 3, 0.0])
    w = scores.softmax(0)
    maps = explain(Linear(W), A, 1, "scorecam", stages=["stage"])
    torch.testing.assert_close(maps["scorecam", "stage"], w[0] * A[:, 0] + w[1] * A[:, 1])


def test_scorecam_in_3d():
    # The least of channel 0 is now 0, so its mask is A / 4: 1 + 1/4 + 4 from channel 0, - 1/2 from channel 1.
    w = torch.tensor([4.75, 0.0]).softmax(0)
    maps = explain(Linear(deepen(W)), deepen(A), 1, "scorecam", stages=["stage"])
    torch.testing.assert_close(maps["scorecam", "stage"][:, 0], w[0] * A[:, 0] + w[1] * A[:, 1])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("c", "sign"), [((3.0, -1.0), 1.0), ((1.0, -3.0), -1.0)])
def test_eigencam_of_one_pattern(dims, c, sign):
    # Channels c_k u: the component is c / |c|, the map |c| (u - mean u), signed like the sum over channels.
    u = torch.arange(4.0).reshape(2, 2) if dims == 2 else torch.arange(8.0).reshape(2, 2, 2)
    inputs = torch.stack([c[0] * u, c[1] * u])[None]
    expected = sign * math.sqrt(10) * (u - u.mean())[None]
    net = Linear(torch.ones_like(inputs[0]))
    maps = explain(
        net, inputs, 1, ["eigencam", "kpca-cam"], stages=["stage"], options={"kpca-cam": {"kernel": "linear"}}
    )
    torch.testing.assert_close(maps["eigencam", "stage"], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(maps["kpca-cam", "stage"], expected, atol=1e-5, rtol=1e-5)


def test_eigencam_with_more_channels_than_positions():
    u = torch.tensor([[1.0, 2.0]])
    c = torch.arange(1.0, 6.0)
    inputs = (c[:, None, None] * u)[None]
    maps = explain(Linear(torch.ones(5, 1, 2)), inputs, 1, "eigencam", stages=["stage"])
    torch.testing.assert_close(maps["eigencam", "stage"], math.sqrt(55) * torch.tensor([[[-0.5, 0.5]]]))


def test_eigencam_of_orthogonal_channels_makes_the_largest_entry_positive():
    # Channels u and -u cancel in the sum over channels, which decides the sign otherwise.
    u = torch.tensor([[-5.0, 1.0], [2.0, 2.0]])
    maps = explain(Linear(torch.ones(2, 2, 2)), torch.stack([u, -u])[None], 1, "eigencam", stages=["stage"])
    torch.testing.assert_close(maps["eigencam", "stage"], -math.sqrt(2) * u[None])


def test_eigengradcam():
    # G = (1, 2) times channels 3u and -u: c = (3, -2), and the sum over channels is u.
    u = torch.arange(4.0).reshape(2, 2)
    inputs = torch.stack([3 * u, -u])[None]
    weights = torch.stack([torch.ones(2, 2), 2 * torch.ones(2, 2)])
    maps = explain(Linear(weights), inputs, 1, "eigengradcam", stages=["stage"])
    expected = math.sqrt(13) * (u - u.mean())[None]
    torch.testing.assert_close(maps["eigengradcam", "stage"], expected, atol=1e-5, rtol=1e-5)


class Squares(nn.Module):
    """Score 3 mean(A_0)^2 - mean(A_1)^2."""

    def __init__(self):
        super().__init__()
        self.stage = nn.Identity()

    def forward(self, x):
        means = self.stage(x).flatten(2).mean(2)
        return (torch.tensor([3.0, -1.0]) * means.square()).sum(1, keepdim=True)


@pytest.mark.parametrize("dims", [2, 3])
def test_shapleycam_of_a_square(dims):
    # G = 2 a m / N and H A = 2 a m / N: half of Grad-CAM.
    inputs = A if dims == 2 else deepen(A)
    maps = explain(Squares(), inputs, 1, ["gradcam", "shapleycam"], stages=["stage"])
    m = inputs.flatten(2).mean(2)[0]
    n = inputs[0, 0].numel()
    expected = (3 * m[0] * inputs[:, 0] - m[1] * inputs[:, 1]) / n
    torch.testing.assert_close(maps["shapleycam", "stage"], expected)
    torch.testing.assert_close(maps["gradcam", "stage"], 2 * expected)


class Three(nn.Module):
    """Logits z_k = sum(A_k) of three channels."""

    def __init__(self):
        super().__init__()
        self.stage = nn.Identity()

    def forward(self, x):
        return self.stage(x).flatten(2).sum(2)


def test_finercam_weighs_similar_classes_by_probability():
    inputs = torch.tensor([2.0, 1.0, 0.0])[None, :, None, None]
    p = torch.tensor([1.0, 0.0]).softmax(0)
    maps = explain(Three(), inputs, 0, "finercam", stages=["stage"], options={"finercam": {"alpha": 0.5}})
    torch.testing.assert_close(maps["finercam", "stage"], (2.0 - 0.5 * p[:1] * 1.0)[:, None, None])
    nearest = explain(
        Three(), inputs, 0, "finercam", stages=["stage"], options={"finercam": {"references": 1}}
    )
    torch.testing.assert_close(nearest["finercam", "stage"], torch.tensor([[[2.0 - 1.0]]]))


class Two(nn.Module):
    """Two stages: the input, and the means of its 2 x 2 blocks."""

    def __init__(self, dims):
        super().__init__()
        self.first = nn.Identity()
        self.second = nn.AvgPool2d(2) if dims == 2 else nn.AvgPool3d(2)

    def forward(self, x):
        return self.second(self.first(x)).flatten(1).sum(1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.5 * 1.0 + 0.5 * 1.0, 0.5 * 0.5 + 0.5 * 1.0]),
        ({"weights": [3, 1]}, [1.0, 0.75 * 0.5 + 0.25]),
        ({"reduce": "max"}, [0.5, 0.5]),
        ({"reduce": "product"}, [1.0, math.sqrt(0.5)]),
        ({"layers": ["first"]}, [1.0, 0.5]),
    ],
)
@pytest.mark.parametrize("dims", [2, 3])
def test_ms_gradcam_plusplus(options, expected, dims):
    # One channel: Grad-CAM++ is a positive multiple of A; divided by its maximum, A / 4 and the constant 1.
    inputs = torch.full((1, 1, *[2] * dims), 2.0)
    inputs[(0, 0, *[0] * dims)] = 4.0
    maps = explain(
        Two(dims), inputs, 1, "ms-gradcam++", stages=["first", "second"], options={"ms-gradcam++": options}
    )
    found = maps["ms-gradcam++", "first+second"][0]
    assert found.shape == inputs.shape[2:]
    torch.testing.assert_close(found.flatten()[[0, 1]], torch.tensor(expected))


@pytest.mark.parametrize("dims", [2, 3])
def test_fullgrad_of_one_convolution(dims):
    conv = nn.Conv2d(1, 1, 1) if dims == 2 else nn.Conv3d(1, 1, 1)
    net = nn.Sequential(conv, nn.Flatten(), nn.Linear(2**dims, 1, bias=False))
    with torch.no_grad():
        conv.weight.fill_(2.0)
        conv.bias.fill_(5.0)
        net[2].weight.copy_(torch.arange(1.0, 2**dims + 1))
    inputs = torch.ones(1, 1, *[2] * dims)
    # x G = 2 w and b G = 5 w, with w = 1..n: each scaled to (w - 1) / (n - 1).
    w = torch.arange(1.0, 2**dims + 1).reshape(1, *[2] * dims)
    maps = explain(net, inputs, 1, "fullgrad")
    torch.testing.assert_close(maps["fullgrad", "input"], 2 * (w - 1) / (2**dims - 1))
    signed = explain(net, inputs, 1, "fullgrad", options={"fullgrad": {"signed": True}})
    torch.testing.assert_close(signed["fullgrad", "input"], 7 * w)
    torch.testing.assert_close(signed["fullgrad", "input"].sum(), net(inputs)[0, 0].detach())


def test_randomcam_is_one_number_in_front_of_one_channel():
    maps = explain(Linear(torch.ones(1, 2, 2)), A[:, :1], 1, "randomcam", stages=["stage"])
    factors = maps["randomcam", "stage"] / A[:, 0]
    torch.testing.assert_close(factors, factors.flatten()[0].expand_as(factors))
    assert -1 <= float(factors[0, 0, 0]) < 1
    again = explain(Linear(W[:1]), A[:, :1], 0, "randomcam", stages=["stage"])
    torch.testing.assert_close(again["randomcam", "stage"], maps["randomcam", "stage"], rtol=0, atol=0)
    other = explain(
        Linear(W[:1]), A[:, :1], 0, "randomcam", stages=["stage"], options={"randomcam": {"seed": 1}}
    )
    assert not torch.equal(other["randomcam", "stage"], maps["randomcam", "stage"])


@pytest.mark.parametrize(
    ("target", "factor"),
    [
        (1, 1.0),
        (0, -1.0),
        (Logit(1), 1.0),
        (LogitDifference(1), 2.0),
        (LogitDifference(1, against=0), 2.0),
        (LogitDifference(0, against="runner-up"), -2.0),
        # p = softmax(z)_1 with z1 - z0 = 10: dp/dz1 = p (1 - p), and dp/dz0 is minus that
        (Probability(1), 2 * math.exp(-10) / (1 + math.exp(-10)) ** 2),
        # p = sigmoid(z_1), z_1 = 5
        (Probability(1, multi_label=True), math.exp(-5) / (1 + math.exp(-5)) ** 2),
        (None, 1.0),
    ],
)
def test_targets(target, factor):
    maps = explain(Linear(W), A, target, "hirescam", stages=["stage"])
    expected = factor * torch.tensor([EXPECTED["hirescam"]])
    torch.testing.assert_close(maps["hirescam", "stage"], expected, atol=1e-9, rtol=1e-3)


def test_ablationcam_keeps_the_sign_of_a_drop_when_the_logit_is_negative():
    # Class 0 is minus class 1: its score -5 rises to 0 without channel 0, and falls to -6 without channel 1.
    maps = explain(Linear(W), A, 0, "ablationcam", stages=["stage"])
    expected = -torch.tensor([EXPECTED["ablationcam"]])
    torch.testing.assert_close(maps["ablationcam", "stage"], expected)


def test_ablationcam_of_a_zero_score_is_not_divided():
    maps = explain(Linear(W, bias=-4.0), A, 1, "ablationcam", stages=["stage"])
    torch.testing.assert_close(maps["ablationcam", "stage"], 5 * A[:, 0] - A[:, 1])


def test_gradcam_plusplus_with_the_guard_of_grad_cam():
    # alpha = G^2 / (2 G^2 + sum(A) G^3 + eps): w = (2 / (12 + eps), 2 * 4 / (8 + 16 + eps) + 1 / (4 + eps))
    eps = 0.5
    options = {"gradcam++": {"eps": eps}}
    maps = explain(Linear(W), A, 1, "gradcam++", stages=["stage"], options=options)
    w = (2 / (12 + eps), 8 / (24 + eps) + 1 / (4 + eps))
    torch.testing.assert_close(maps["gradcam++", "stage"], w[0] * A[:, 0] + w[1] * A[:, 1])
