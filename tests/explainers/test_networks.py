"""Real architectures: what is replayed is the tail of the network, and the table in the docs is true."""

import pytest
import torch

from tests.explainers.compatibility import PAGE, column, grouped
from tests.explainers.networks import NETWORKS, build
from xaigt.explainers import explain
from xaigt.explainers.replay import Replay
from xaigt.explainers.stages import resolve_stages
from xaigt.explainers.targets import resolve_targets

pytest.importorskip("timm", reason="pip install timm")

REPLAYED = [
    "MONAI ResNet18, 2-D",
    "MONAI DenseNet121, 2-D",
    "MONAI EfficientNet-B0, 2-D",
    "MONAI SEResNet50, 2-D",
    "MONAI ViT, 3-D",
    "timm EfficientNetV2-S",
    "timm ResNetV2-50",
    "timm Swin-Tiny",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", REPLAYED)
def test_replay_of_real_networks(name):
    model, inputs, path = build(name)
    model.requires_grad_(False)
    stage = resolve_stages(model, [path])[0]
    with torch.no_grad():
        output = model(inputs)
        target = resolve_targets([2, 0], output[0] if isinstance(output, tuple) else output)
    replay = Replay(model, stage, inputs, target, 2**28)
    assert not replay.whole and not replay._copying
    changed = replay.raw[1:].repeat(3, *[1] * (replay.raw.ndim - 1))
    changed[1] *= 0.5
    changed[2] = 0.0
    found = replay.scores(1, changed)
    torch.testing.assert_close(found[0], replay.reference[1], atol=1e-5, rtol=1e-4)
    for row in (1, 2):
        handle = stage.module.register_forward_hook(lambda m, a, o, row=row: changed[row : row + 1])
        with torch.no_grad():
            whole = model(inputs[1:])
        handle.remove()
        logits = whole[0] if isinstance(whole, tuple) else whole
        torch.testing.assert_close(found[row], logits[0, 0], atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MONAI ViT, 2-D"])
def test_the_table_of_the_docs(name):
    found = column(name)
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    header = next(row for row in rows if len(row) > 2 and row[1].strip() == "explainer")
    group = name.partition(",")[0]
    place = [cell.strip() for cell in header].index(group)
    assert grouped()[group]
    for method, reason in found.items():
        cell = next(row for row in rows if len(row) == len(header) and row[1].strip() == method)[place]
        assert ("yes" in cell) == (not reason), (method, cell, reason)


def test_vit_behind_the_last_block_has_no_gradient_at_its_patches():
    model, inputs, _ = build("MONAI ViT, 2-D")
    maps = explain(model, inputs, [2, 0], ["gradcam", "eigencam"], ["blocks.3", "blocks.2"])
    assert not maps["gradcam", "blocks.3"].any()
    assert maps["gradcam", "blocks.2"].any()
    assert maps["eigencam", "blocks.3"].any()


def test_every_network_names_a_stage():
    assert all(network.stage and network.size for network in NETWORKS.values())
