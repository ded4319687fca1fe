"""A batch gives what its items give alone, in any order, chunk and mode."""

import pytest
import torch

from tests.explainers.tiny import batch, cnn
from xaigt.explainers import LogitDifference, Probability, available, explain

CONTEXT = {"support": "support", "prior": "prior", "oracle": "lesion"}
METHODS = [
    *available("cam"),
    *available("attribution"),
    *available("baseline"),
    "untrained/gradcam",
    "untrained/saliency",
]
STAGES = ["relu1", "relu2"]
FAST = {
    "integrated-gradients": {"steps": 4},
    "smoothgrad": {"samples": 3},
    "gradient-shap": {"samples": 3},
    "occlusion": {"window": 4, "stride": 2},
}


def context_of(inputs):
    return {"support": inputs[:, 0] > 0, "lesion": inputs[:, 0] > 1, "prior": inputs[0, 0].abs() * 0 + 0.5}


def close(one, other):
    assert one.keys() == other.keys()
    for key in one:
        scale = float(one[key].abs().max())
        torch.testing.assert_close(
            one[key], other[key], rtol=1e-4, atol=2e-5 * scale, msg=lambda m, k=key: f"{k}: {m}"
        )


@pytest.mark.parametrize(("dims", "mode"), [(2, "eval"), (2, "train"), (3, "eval")])
@pytest.mark.parametrize("method", METHODS)
def test_batch_is_one_by_one(method, dims, mode):
    net, inputs, classes = cnn(dims), batch(dims), [2, 0, 1]
    net.train(mode == "train")
    context = context_of(inputs)
    options = {method: FAST[method]} if method in FAST else None
    arguments = {"stages": STAGES, "options": options}
    whole = explain(net, inputs, classes, method, context=context, **arguments)
    singles = []
    for i in range(len(inputs)):
        own = {k: v if k == "prior" else v[i : i + 1] for k, v in context.items()}
        singles.append(explain(net, inputs[i : i + 1], classes[i], method, context=own, **arguments))
    close(whole, {key: torch.cat([s[key] for s in singles]) for key in whole})
    assert all(v.isfinite().all() and v.shape[0] == 3 and v.ndim == dims + 1 for v in whole.values())

    order = [2, 0, 1]
    own = {k: v if k == "prior" else v[order] for k, v in context.items()}
    turned = explain(net, inputs[order], [classes[i] for i in order], method, context=own, **arguments)
    close({key: whole[key][order] for key in whole}, turned)

    split = explain(net, inputs, classes, method, context=context, batch_size=2, **arguments)
    close(whole, split)


@pytest.mark.parametrize(
    "target",
    [
        None,
        LogitDifference([2, 0, 1], "runner-up"),
        LogitDifference([2, 0, 1], [0, 1, 2]),
        Probability(torch.tensor([2, 0, 1])),
    ],
)
def test_targets_follow_their_samples(target):
    net, inputs = cnn(2), batch(2)
    whole = explain(net, inputs, target, ["gradcam", "ablationcam", "occlusion"], stages=["relu2"])
    for i in range(3):
        own = target
        if isinstance(target, LogitDifference):
            own = LogitDifference(
                [2, 0, 1][i], target.against if isinstance(target.against, str) else target.against[i]
            )
        elif isinstance(target, Probability):
            own = Probability(target.classes[i : i + 1])
        single = explain(
            net, inputs[i : i + 1], own, ["gradcam", "ablationcam", "occlusion"], stages=["relu2"]
        )
        close({k: v[i : i + 1] for k, v in whole.items()}, single)
    close(
        whole,
        explain(net, inputs, target, ["gradcam", "ablationcam", "occlusion"], stages=["relu2"], batch_size=2),
    )


@pytest.mark.parametrize("method", ["ablationcam", "scorecam", "fullgrad", "occlusion"])
@pytest.mark.parametrize("dims", [2, 3])
def test_chunks_do_not_matter(method, dims):
    net, inputs = cnn(dims), batch(dims)
    arguments = {"targets": [2, 0, 1], "methods": method, "stages": STAGES}
    whole = explain(net, inputs, options={method: FAST.get(method, {})}, **arguments)
    for chunk in (1, 2, 100):
        close(
            whole,
            explain(net, inputs, options={method: {**FAST.get(method, {}), "chunk": chunk}}, **arguments),
        )
    close(whole, explain(net, inputs, max_memory=1, options={method: FAST.get(method, {})}, **arguments))


@pytest.mark.parametrize("method", available("attribution"))
def test_attributions_in_little_memory(method):
    net, inputs = cnn(2), batch(2)
    options = {method: FAST[method]} if method in FAST else None
    whole = explain(net, inputs, [2, 0, 1], method, options=options)
    close(whole, explain(net, inputs, [2, 0, 1], method, options=options, max_memory=1))


def test_one_call_gives_what_many_give():
    net, inputs = cnn(2), batch(2)
    methods = available("cam")
    together = explain(net, inputs, [2, 0, 1], methods, stages=STAGES)
    for method in methods:
        alone = explain(net, inputs, [2, 0, 1], method, stages=STAGES)
        close({k: v for k, v in together.items() if k[0] == method}, alone)


class NoWayBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise AssertionError("backpropagation went further than the earliest stage")


class Gate(torch.nn.Module):
    def forward(self, x):
        return NoWayBack.apply(x)


def test_one_forward_and_one_backward(monkeypatch):
    net, inputs = cnn(2), batch(2)
    net.bn1 = torch.nn.Sequential(net.bn1, Gate())
    forwards, backwards = [], []
    net.head.register_forward_hook(lambda *a: forwards.append(1))
    original = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: (backwards.append(1), original(*a, **k))[1])
    methods = ["gradcam", "gradcam++", "hirescam", "gradcam-elementwise", "xgradcam", "layercam", "eigencam"]
    explain(net, inputs, [2, 0, 1], [*methods, "eigengradcam"], stages=["relu1", "pool", "conv2", "relu2"])
    assert len(forwards) == len(backwards) == 1
