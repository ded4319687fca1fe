"""What goes wrong in other libraries, right here."""

import pytest
import torch
from torch import nn

from tests.explainers.tiny import batch, cnn
from xaigt.explainers import explain, postprocess


def one_by_one(method, function, inputs):
    return torch.cat([function(inputs[i : i + 1], i) for i in range(len(inputs))])


def test_monai_batches_with_classes_are_wrong_and_ours_are_not():
    visualize = pytest.importorskip("monai.visualize")
    net, inputs, classes = cnn(2), batch(2), [2, 0, 1]
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    identity = {"postprocessing": lambda m: m, "upsampler": lambda size: lambda m: m}
    cam = visualize.GradCAM(net, "relu2", **identity)
    whole = torch.as_tensor(cam(inputs, class_idx=torch.tensor(classes)))
    alone = torch.cat([torch.as_tensor(cam(inputs[i : i + 1], class_idx=classes[i])) for i in range(3)])
    assert not torch.allclose(whole, alone, rtol=1e-2)
    ours = explain(cnn(2), inputs, classes, "gradcam", ["relu2"])["gradcam", "relu2"]
    torch.testing.assert_close(postprocess(ours), alone[:, 0].detach(), atol=1e-6, rtol=1e-4)


def test_large_logits_do_not_overflow_gradcam_plusplus():
    net, inputs = cnn(2), batch(2)
    with torch.no_grad():
        net.head.bias += 500.0  # exp(500) is infinite in float32
    maps = explain(net, inputs, [2, 0, 1], "gradcam++", ["relu2"])
    torch.testing.assert_close(
        maps["gradcam++", "relu2"],
        explain(cnn(2), inputs, [2, 0, 1], "gradcam++", ["relu2"])["gradcam++", "relu2"],
    )


def test_torchcam_never_applies_the_denominator_and_we_do():
    methods = pytest.importorskip("torchcam.methods", reason="pip install torchcam to compare with it")
    net, inputs = cnn(2), batch(2)
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    with methods.GradCAMpp(net, "relu1") as cam:
        scores = net(inputs[:1])
        theirs = cam(2, scores, normalized=False)[0]
    ours = explain(net, inputs[:1], 2, "gradcam++", ["relu1"])["gradcam++", "relu1"]
    a, b = theirs.flatten() / theirs.norm(), postprocess(ours).flatten() / postprocess(ours).norm()
    assert float((a - b).abs().max()) > 1e-3
    assert not net._forward_hooks


def test_batchnorm_statistics_stay_in_train_mode():
    net = cnn(2).train()
    before = net.bn1.running_mean.clone(), int(net.bn1.num_batches_tracked)
    explain(net, batch(2), [2, 0, 1], ["gradcam", "ablationcam", "saliency", "scorecam"], ["relu2"])
    assert torch.equal(net.bn1.running_mean, before[0])
    assert int(net.bn1.num_batches_tracked) == before[1]
    assert net.training and net.bn1.training


@pytest.mark.parametrize("head", ["one", "many", "multi-label"])
def test_heads(head):
    net, inputs = cnn(2, classes=1 if head == "one" else 3), batch(2)
    classes = [1, 0, 1]
    maps = explain(net, inputs, classes, ["gradcam", "ablationcam", "saliency"], ["relu2"])
    if head == "one":
        signed = explain(net, inputs, 1, "gradcam", ["relu2"])["gradcam", "relu2"]
        torch.testing.assert_close(
            maps["gradcam", "relu2"], signed * torch.tensor([1.0, -1.0, 1.0])[:, None, None]
        )
        flat = nn.Sequential(net, nn.Flatten(0))  # [B] instead of [B, 1]
        again = explain(flat, inputs, classes, "gradcam", ["0.relu2"])["gradcam", "0.relu2"]
        torch.testing.assert_close(again, maps["gradcam", "relu2"])
    assert all(bool(m.isfinite().all()) for m in maps.values())


@pytest.mark.parametrize(
    "method",
    [
        "gradcam",
        "gradcam++",
        "hirescam",
        "xgradcam",
        "layercam",
        "eigencam",
        "eigengradcam",
        "kpca-cam",
        "ablationcam",
        "scorecam",
        "shapleycam",
        "finercam",
        "randomcam",
        "gradcam-elementwise",
        "ms-gradcam++",
    ],
)
def test_a_sample_with_nan_is_nan_and_leaves_the_others_alone(method):
    net, inputs = cnn(2), batch(2)
    clean = explain(net, inputs, [2, 0, 1], method, ["relu1", "relu2"])
    inputs[1] = torch.nan
    maps = explain(net, inputs, [2, 0, 1], method, ["relu1", "relu2"])
    for key, value in maps.items():
        assert bool(value[1].isnan().all()), key
        torch.testing.assert_close(value[[0, 2]], clean[key][[0, 2]])


@pytest.mark.parametrize("method", ["eigencam", "eigengradcam", "kpca-cam"])
def test_eigen_methods_of_a_constant_activation_are_zero(method):
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.stage = nn.Identity()

        def forward(self, x):
            return self.stage(x).flatten(2).sum(2)

    maps = explain(Pooled(), torch.full((2, 3, 4, 4), 2.5), 1, method, ["stage"])
    assert not maps[method, "stage"].any()


def test_all_zero_activations_give_zero_maps():
    net = cnn(2)
    with torch.no_grad():
        net.conv2.weight.zero_()
        net.conv2.bias.fill_(-1.0)
    methods = [
        "gradcam",
        "gradcam++",
        "hirescam",
        "xgradcam",
        "layercam",
        "eigencam",
        "eigengradcam",
        "ablationcam",
    ]
    maps = explain(net, batch(2), [2, 0, 1], [*methods, "scorecam", "kpca-cam"], ["relu2"])
    assert all(not m.any() for m in maps.values())
    shown = postprocess(maps, (8, 8), "relu", "minmax")
    assert all(not m.any() for m in shown.values())
