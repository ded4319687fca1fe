"""Stages, layouts, methods of third parties, errors, progress, and what importing costs."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
import torch
from torch import nn

from tests.explainers.tiny import A, Linear, W, batch, cnn
from xaigt.explainers import (
    ExplainerError,
    Layout,
    LogitDifference,
    available,
    explain,
    find_explainer,
    registry,
)
from xaigt.explainers.replay import Replay
from xaigt.explainers.stages import resolve_stages
from xaigt.explainers.targets import logits_of, resolve_targets


def test_importing_the_room_loads_no_torch():
    code = "import sys, xaigt.explainers as e; assert 'torch' not in sys.modules; e.available; "
    code += "assert not any(m in sys.modules for m in ('captum', 'monai', 'timm', 'pytorch_grad_cam'))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_method_is_found_without_its_neighbours():
    code = "import sys; from xaigt.explainers import find_explainer; find_explainer('hirescam'); "
    code += "mine = [m for m in sys.modules if m.startswith('xaigt.explainers.cams.')]; "
    code += "assert mine == ['xaigt.explainers.cams.hirescam'], mine; "
    code += "assert not any(m.startswith('xaigt.explainers.attributions') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_stages_by_module_name_and_declaration():
    net = cnn(2)
    outer = nn.Sequential(net)
    key = "gradcam"
    expected = explain(net, batch(2), 0, key, ["relu2"])[key, "relu2"]
    torch.testing.assert_close(explain(net, batch(2), 0, key, [net.relu2])[key, "relu2"], expected)
    for name in ("0.relu2", "[0].relu2", "0.-5"):
        torch.testing.assert_close(
            explain(outer, batch(2), 0, key, [name.lstrip(".").replace("[0]", "0")])[
                key, name.replace("[0]", "0")
            ],
            expected,
        )
    net.stages = [("shallow", net.relu1), ("deep", net.relu2)]
    assert list(explain(net, batch(2), 0, key)) == [(key, "shallow"), (key, "deep")]
    assert list(explain(net, batch(2), 0, key, [net.relu2, "relu1"])) == [(key, "deep"), (key, "relu1")]


def test_brackets_and_negative_indices():
    net = nn.Sequential(nn.ModuleList([nn.Identity(), nn.ReLU()]))
    assert resolve_stages(net, ["0[1]"])[0].module is net[0][1]
    assert resolve_stages(net, ["0.-1"])[0].module is net[0][1]


def test_a_submodule_called_stages_is_no_declaration():
    net = cnn(2)
    net.stages = nn.Sequential(nn.Identity())
    assert resolve_stages(net, None) == []


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.act, self.unused = nn.ReLU(), nn.ReLU()
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, x):
        return self.act(self.conv(self.act(x))).mean((2, 3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"methods": "gradcan"}, "did you mean 'gradcam'"),
        ({"methods": ["gradcam", "gradcam"]}, "asked for twice"),
        ({"methods": []}, "no methods"),
        ({"stages": ["relu3"]}, "has no module 'relu3'; did you mean 'relu"),
        ({"stages": ["relu2.x"]}, "relu2 has no module 'x'"),
        ({"stages": [nn.ReLU()]}, "is not part of the model"),
        ({"stages": ["relu2", "relu2"]}, "asked for twice"),
        ({"stages": None}, "need stages"),
        ({"stages": ["flat"]}, "which is no grid"),
        ({"targets": 3}, r"not all in 0..2"),
        ({"targets": [0.5, 1, 1]}, "whole numbers"),
        ({"targets": LogitDifference(0, "median")}, "use 'rest', 'runner-up'"),
        ({"options": {"gradcam": {"epsilon": 1}}}, "has no option 'epsilon'"),
        ({"options": {"hirescam": {}}}, "not among the methods"),
        ({"backend": "captum"}, "use 'xaigt' or 'grad-cam'"),
        ({"inputs": torch.zeros(8, 8)}, "floating-point tensor"),
        ({"inputs": torch.zeros(1, 1, 8, 8, dtype=torch.uint8)}, "floating-point tensor"),
        ({"batch_size": 0}, "at least 1"),
        ({"methods": "nowhere.module:function"}, "cannot be imported"),
        ({"methods": "math:pi"}, "not a function"),
        ({"methods": lambda activation: 0}, "did you mean 'activations'"),
        ({"methods": lambda activations, stage_gradients: 0}, "one or the other"),
        ({"methods": lambda activations: activations}, None),
        ({"methods": lambda activations: 3}, "not a tensor of maps"),
        ({"methods": lambda activations: activations.mean((1, 2))}, "has a grid of"),
    ],
)
def test_errors_say_what_would_be_right(arguments, words):
    arguments = {"inputs": batch(2), "targets": 0, "methods": "gradcam", "stages": ["relu2"]} | arguments
    if words is None:
        words = "returned maps of shape"
    with pytest.raises(ExplainerError) as error:
        explain(cnn(2), **arguments)
    assert words in str(error.value)


def test_stages_that_cannot_be_read():
    with pytest.raises(ExplainerError, match="more than once"):
        explain(Twice(), batch(2), 0, "gradcam", ["act"])
    with pytest.raises(ExplainerError, match="does not run"):
        explain(Twice(), batch(2), 0, "gradcam", ["unused"])


def test_a_callable_is_an_explainer():
    def mine(activations, gradients, *, power: float = 1.0):
        return (activations * gradients).sum(1) ** power

    maps = explain(Linear(W), A, 1, mine, ["stage"], options={mine.__qualname__: {"power": 2.0}})
    expected = explain(Linear(W), A, 1, "hirescam", ["stage"])["hirescam", "stage"] ** 2
    torch.testing.assert_close(maps[mine.__qualname__, "stage"], expected)


def on_the_input(model, inputs, targets, context):
    """An explainer of the input, as (model, inputs, targets, context) -> maps."""
    return inputs[:, 0] * model(inputs).detach()[torch.arange(len(inputs)), targets.classes][:, None, None]


def test_an_address_is_an_explainer():
    address = f"{__name__}:on_the_input"
    maps = explain(Linear(W), A, [1], address)
    torch.testing.assert_close(maps[address, "input"], 5 * A[:, 0])


def test_an_entry_point_is_an_explainer(monkeypatch):
    point = EntryPoint("theirs", f"{__name__}:on_the_input", registry.ENTRY_POINTS)
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [point] if group == registry.ENTRY_POINTS else []
    )
    assert available("installed") == ["theirs"]
    torch.testing.assert_close(explain(Linear(W), A, 1, "theirs")["theirs", "input"], 5 * A[:, 0])


def test_every_name_is_found():
    for name in available():
        explainer = find_explainer(name)
        assert explainer.name == name
        assert explainer.function.__doc__


def test_progress_is_told():
    seen = []
    explain(
        cnn(2),
        batch(2),
        0,
        ["gradcam", "ablationcam"],
        ["relu1", "relu2"],
        progress=lambda *a: seen.append(a),
    )
    assert seen[0] == ("gradcam relu1", 0, 4)
    assert seen[-1] == ("ablationcam relu2", 4, 4)
    explain(cnn(2), batch(2), 0, ["ablationcam"], ["relu1"], progress=True)


@pytest.mark.parametrize("output", ["tuple", "list", "dict", "attribute", "flat"])
def test_outputs_that_hold_logits(output):
    logits = torch.randn(3, 2)
    wrapped = {
        "tuple": (logits, None),
        "list": [logits],
        "dict": {"logits": logits},
        "attribute": type("Output", (), {"logits": logits})(),
        "flat": logits[:, 0],
    }[output]
    expected = logits[:, :1] if output == "flat" else logits
    torch.testing.assert_close(logits_of(wrapped), expected)
    for wrong in ("text", torch.zeros(2, 3, 4)):
        with pytest.raises(ExplainerError):
            logits_of(wrong)


class Tokens(nn.Module):
    """Patches as tokens behind a class token, or as channels-last windows."""

    def __init__(self, kind, prefix=1):
        super().__init__()
        self.kind, self.prefix = kind, prefix
        self.patches = nn.Conv2d(1, 5, 2, 2)
        self.stage = nn.Identity()
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = self.patches(x)
        if self.kind == "channels-last":
            return self.head(self.stage(x.movedim(1, -1)).mean((1, 2)))
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.new_zeros(len(x), self.prefix, 5), x], 1)
        return self.head(self.stage(x).mean(1))


@pytest.mark.parametrize("kind", ["tokens", "channels-last"])
@pytest.mark.parametrize("size", [(8, 8), (12, 8)])
def test_tokens_come_back_to_their_grid(kind, size):
    torch.manual_seed(0)
    net, inputs = Tokens(kind), torch.randn(2, 1, *size)
    methods = ["hirescam", "eigencam", "ablationcam"]
    maps = explain(net, inputs, [2, 1], methods, ["stage", "patches"])
    for method in methods:
        assert maps[method, "stage"].shape == (2, size[0] // 2, size[1] // 2)
        torch.testing.assert_close(maps[method, "stage"], maps[method, "patches"], atol=1e-5, rtol=1e-4)
    given = Layout("tokens", (size[0] // 2, size[1] // 2), 1) if kind == "tokens" else Layout("channels-last")
    again = explain(net, inputs, [2, 1], "hirescam", ["stage"], layout={"stage": given})
    torch.testing.assert_close(again["hirescam", "stage"], maps["hirescam", "stage"])


# ---- the tail of a network


def brute_force(net, stage, inputs, classes):
    """Ablation by whole forward passes, a channel at a time."""
    module = net.get_submodule(stage)
    rows = []
    with torch.no_grad():
        for b, c in enumerate(classes):
            x, scores = inputs[b : b + 1], []
            channels = capture(net, module, x).shape[1]
            for k in range(channels):

                def zero(m, a, o, k=k):
                    o = o.clone()
                    o[:, k] = 0
                    return o

                handle = module.register_forward_hook(zero)
                scores.append(float(net(x)[0, c]))
                handle.remove()
            s = float(net(x)[0, c])
            w = torch.tensor([(s - v) / abs(s) for v in scores])
            rows.append(torch.einsum("c,c...->...", w, capture(net, module, x)[0]))
    return torch.stack(rows)


def capture(net, module, x):
    kept = []
    handle = module.register_forward_hook(lambda m, a, o: kept.append(o.clone()))
    net(x)
    handle.remove()
    return kept[0]


class Awkward(nn.Module):
    """Glue in place, shared modules, branches, a tuple: what a replay must survive."""

    def __init__(self, dims=2):
        super().__init__()
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.a, self.b, self.c = conv(1, 4, 3, padding=1), conv(4, 4, 3, padding=1), conv(4, 4, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.pair = Pair()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.act(self.a(x * 2))
        y = self.b(x)
        y += x
        left, right = self.pair(y)
        z = self.c(self.act(right))
        z += x
        z = torch.relu_(z + left)
        return self.head(z.flatten(2).mean(2))


class Pair(nn.Module):
    def forward(self, y):
        return y * 2, y + 1


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stage", ["a", "b", "c"])
def test_replay_is_a_whole_forward_pass(stage, dims):
    torch.manual_seed(0)
    net, inputs = Awkward(dims).eval(), batch(dims, size=6)
    found = explain(net, inputs, [2, 0, 1], "ablationcam", [stage])["ablationcam", stage]
    torch.testing.assert_close(found, brute_force(net, stage, inputs, [2, 0, 1]), atol=1e-4, rtol=1e-3)


class Mixing(nn.Module):
    """A module that does not keep samples apart: replaying it would be wrong, so whole passes are used."""

    def __init__(self):
        super().__init__()
        self.before = nn.Conv2d(1, 4, 3)
        self.odd = Odd()
        self.stage = nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        scale = self.odd(x)
        return self.head((self.stage(self.before(x)) * scale).mean((2, 3)))


class Odd(nn.Module):
    def forward(self, x):
        return torch.arange(1.0, 5.0)[:, None, None] * (1 + 0 * x.sum())


def test_replay_notices_what_it_cannot_replay():
    torch.manual_seed(0)
    net, inputs = Mixing().eval(), batch(2, samples=2)
    with torch.no_grad():
        target = resolve_targets([2, 0], net(inputs))
    replay = Replay(net, resolve_stages(net, ["stage"])[0], inputs, target, 2**20)
    scores = replay.scores(0, replay.raw[:1].repeat(5, 1, 1, 1))
    assert replay.whole
    torch.testing.assert_close(scores, replay.reference[:1].expand(5))
    found = explain(net, inputs, [2, 0], "ablationcam", ["stage"])["ablationcam", "stage"]
    torch.testing.assert_close(found, brute_force(net, "stage", inputs, [2, 0]), atol=1e-4, rtol=1e-3)
