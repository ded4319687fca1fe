"""Parity with grad-cam after its own post-processing, where it is right; where not, the numbers that are."""

import pytest
import torch
from torch import nn

from tests.explainers.tiny import A, Linear, W, batch, cnn
from xaigt.explainers import ExplainerError, LogitDifference, Probability, explain, postprocess

pytest.importorskip("pytorch_grad_cam", reason="parity needs grad-cam")

RIGHT = {
    "gradcam": {},
    "gradcam++": {"eps": 1e-6},
    "hirescam": {},
    "gradcam-elementwise": {},
    "xgradcam": {},
    "layercam": {},
    "shapleycam": {},
    "finercam": {"references": 1},
}


def plain(dims=2, seed=0):
    """The tiny network without in-place ReLUs, which grad-cam on a CPU does not survive."""
    net = cnn(dims, seed=seed)
    net.relu1.inplace = net.relu2.inplace = False
    return net


def library(net, inputs, targets, method, stage, **options):
    return explain(net, inputs, targets, method, [stage], backend="grad-cam", options={method: options})


# In 3-D grad-cam resizes by cubic splines: parity is at a stage that needs no resizing.
@pytest.mark.parametrize(("dims", "stage"), [(2, "relu1"), (2, "conv2"), (2, "relu2"), (3, "relu1")])
@pytest.mark.parametrize("method", RIGHT)
def test_gradient_cams(method, dims, stage):
    net, inputs = plain(dims), batch(dims)
    if method == "finercam":  # with two classes there is one reference, and its weight cancels
        net.head = nn.Linear(6, 2)
    targets = None if method == "finercam" else [2, 0, 1]  # its own targets are the predicted classes
    ours = explain(net, inputs, targets, method, [stage], options={method: RIGHT[method]})[method, stage]
    theirs = library(net, inputs, targets, method, stage)
    assert theirs.postprocessed == {(method, stage)}
    ours = postprocess(postprocess(ours, None, "relu", "minmax"), inputs.shape[2:], "relu", "minmax")
    torch.testing.assert_close(ours, theirs[method, stage], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("target", [LogitDifference([2, 0, 1], [0, 1, 2]), Probability([2, 0, 1])])
def test_other_targets(target):
    net, inputs = plain(), batch(2)
    ours = postprocess(explain(net, inputs, target, "gradcam", ["relu1"]), None, "relu", "minmax")
    theirs = library(net, inputs, target, "gradcam", "relu1")
    torch.testing.assert_close(ours["gradcam", "relu1"], theirs["gradcam", "relu1"], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["eigencam", "eigengradcam", "kpca-cam"])
@pytest.mark.parametrize("dims", [2, 3])
def test_eigen_methods_up_to_sign(method, dims):
    net, inputs = plain(dims), batch(dims)
    ours = explain(net, inputs, [2, 0, 1], method, ["relu1"])[method, "relu1"]
    theirs = library(net, inputs, [2, 0, 1], method, "relu1")[method, "relu1"]
    for i in range(3):
        both = [postprocess(sign * ours[i : i + 1], None, "relu", "minmax")[0] for sign in (1, -1)]
        assert min(float((one - theirs[i]).abs().max()) for one in both) < 1e-3


def test_scorecam_where_nothing_is_resized():
    net, inputs = plain(), batch(2)
    ours = explain(net, inputs, [2, 0, 1], "scorecam", ["relu1"])["scorecam", "relu1"]
    theirs = library(net, inputs, [2, 0, 1], "scorecam", "relu1")["scorecam", "relu1"]
    torch.testing.assert_close(postprocess(ours, None, "relu", "minmax"), theirs, atol=1e-4, rtol=1e-3)


def test_ablationcam_where_the_logit_is_positive_and_the_least_activation_zero():
    net, inputs = plain(), batch(2)
    with torch.no_grad():
        net.head.bias += 10.0
    ours = explain(net, inputs, [2, 0, 1], "ablationcam", ["relu2"])["ablationcam", "relu2"]
    theirs = library(net, inputs, [2, 0, 1], "ablationcam", "relu2")["ablationcam", "relu2"]
    ours = postprocess(postprocess(ours, None, "relu", "minmax"), (8, 8), "relu", "minmax")
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_fullgrad():
    # grad-cam resizes by OpenCV, which aligns pixel areas as we do
    net, inputs = plain(), batch(2)
    ours = postprocess(explain(net, inputs, [2, 0, 1], "fullgrad"), None, "relu", "minmax")[
        "fullgrad", "input"
    ]
    theirs = library(net, inputs, [2, 0, 1], "fullgrad", "relu2")["fullgrad", "input"]
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_randomcam_weighs_channels_as_grad_cam_does():
    # One channel: the map is the activation, or nothing once its weight is negative.
    net = Linear(torch.ones(1, 2, 2))
    theirs = library(net, A[:, :1], 1, "randomcam", "stage")["randomcam", "stage"]
    expected = postprocess(A[:, 0], None, "relu", "minmax")
    assert torch.allclose(theirs, expected, atol=1e-5) or not theirs.any()


# ---- where grad-cam is wrong


def test_a_negative_logit_inverts_its_ablationcam():
    # By hand: without channel 0 the score -5 rises by 5, so channel 0 speaks against class 0: w = (-1, 1/5).
    ours = explain(Linear(W), A, 0, "ablationcam", ["stage"])["ablationcam", "stage"]
    torch.testing.assert_close(ours, -A[:, 0] + 0.2 * A[:, 1])
    theirs = library(Linear(W), A, 0, "ablationcam", "stage")["ablationcam", "stage"]
    assert float(theirs[0, 1, 1]) == pytest.approx(
        1.0
    )  # where channel 0 is largest, it sees the most evidence


def test_an_inplace_relu_overwrites_its_activation():
    clean, dirty = plain(), cnn(2)
    ours = explain(dirty, batch(2), [2, 0, 1], "hirescam", ["conv2"])["hirescam", "conv2"]
    torch.testing.assert_close(
        ours, explain(clean, batch(2), [2, 0, 1], "hirescam", ["conv2"])["hirescam", "conv2"]
    )
    theirs = library(dirty, batch(2), [2, 0, 1], "eigencam", "conv2")["eigencam", "conv2"]
    right = library(clean, batch(2), [2, 0, 1], "eigencam", "conv2")["eigencam", "conv2"]
    assert not torch.allclose(theirs, right, atol=1e-2)


@pytest.mark.parametrize("method", ["scorecam", "ablationcam", "fullgrad"])
def test_3d_works_here_and_not_there(method):
    net, inputs = plain(3), batch(3)
    maps = explain(net, inputs, [2, 0, 1], method, ["relu2"])
    assert all(bool(m.isfinite().all()) and float(m.std()) > 0 for m in maps.values())
    try:
        theirs = library(net, inputs, [2, 0, 1], method, "relu2")
    except ExplainerError as error:
        assert "backend='xaigt'" in str(error)
    else:
        assert method == "fullgrad"  # it finds no 2-D bias layer, and gives |x G| alone
        assert all(m.shape[0] == 3 for m in theirs.values())


def test_3d_resize_does_not_overshoot_here():
    net, inputs = plain(3), batch(3)
    theirs = library(net, inputs, [2, 0, 1], "gradcam", "relu2")["gradcam", "relu2"]
    ours = explain(net, inputs, [2, 0, 1], "gradcam", ["relu2"])["gradcam", "relu2"]
    small = postprocess(ours, None, "relu")
    large = postprocess(ours, inputs.shape[2:], "relu")
    assert float(large.min()) >= float(small.min())
    assert float(large.max()) <= float(small.max()) + 1e-6
    assert theirs.shape == large.shape


def test_its_eps_makes_gradcam_plusplus_third_order():
    # Gradients behind a mean over many positions are small: with eps in its way, alpha is G^2 / eps.
    g = 1e-5
    net = Linear(g * torch.tensor([[[1.0, 1.0]], [[2.0, 2.0]]]))
    inputs = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    ours = explain(net, inputs, 1, "gradcam++", ["stage"])["gradcam++", "stage"][0, 0]
    theirs = explain(net, inputs, 1, "gradcam++", ["stage"], options={"gradcam++": {"eps": 1e-6}})[
        "gradcam++", "stage"
    ][0, 0]
    assert float(ours[1] / ours[0]) == pytest.approx(2.0, rel=1e-3)
    assert float(theirs[1] / theirs[0]) == pytest.approx(8.0, rel=1e-2)


def test_a_short_target_list_is_an_error():
    with pytest.raises(ExplainerError, match="3 samples need 3 classes"):
        explain(cnn(2), batch(2), [2, 0], "gradcam", ["relu2"])
    with pytest.raises(ExplainerError, match="3 samples need 3 classes"):
        explain(cnn(2), batch(2), [2, 0], "gradcam", ["relu2"], backend="grad-cam")


def test_the_library_has_no_such_method():
    with pytest.raises(ExplainerError, match="no method 'lrp'"):
        explain(cnn(2), batch(2), 0, "lrp", backend="grad-cam")
