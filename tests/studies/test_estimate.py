"""What a study takes: operations counted by hand, and sums of parts."""

import pytest
import torch
from torch import nn

import xaigt
from xaigt.studies import configuration, speed
from xaigt.studies.configuration import preset_path
from xaigt.studies.estimate import ON_GPU, PARTS, Estimate, estimate
from xaigt.studies.work import Counter

from .conftest import planned


def counted(function):
    with Counter() as counter:
        function()
    return counter.total


def test_operations_of_a_convolution_and_a_product_by_hand():
    network, line = nn.Conv2d(3, 5, 3, padding=1), nn.Linear(7, 4)
    images, rows = torch.ones(2, 3, 8, 8), torch.ones(6, 7)
    forward = 2 * 2 * 64 * 5 * 3 * 9  # multiply and add, of 2 images, 64 pixels, 5 filters of 3 x 9 weights
    with torch.inference_mode():
        assert counted(lambda: network(images)) == forward
        assert counted(lambda: line(rows)) == 2 * 6 * 7 * 4
    # Backward once more for the weights, and once for the images where they need it.
    assert counted(lambda: network(images).sum().backward()) == 2 * forward
    assert counted(lambda: network(images.requires_grad_()).sum().backward()) == 3 * forward
    assert counted(lambda: torch.relu(images)) == 0


def test_operations_of_a_known_network():
    # ResNet-18 of He et al. 2016 takes 1.8 x 10^9 multiply-adds at 224 x 224 x 3; one channel spares 0.08 of the first.
    found = speed.count("resnet18", "all", (224, 224))
    first = 2 * 112 * 112 * 64 * 49 * 2
    assert found.forward == pytest.approx(2 * 1.82e9 - first, rel=0.02) and found.prefix == 0
    # A step passes everything forward and twice backward, but for the images of the first layer.
    assert found.step == pytest.approx(3 * found.forward - first / 2, rel=0.01)
    head = speed.count("resnet18", 0, (224, 224))
    assert head.prefix == pytest.approx(head.forward, rel=1e-3) and head.step < 1e-3 * found.step


def test_a_gpu_does_what_networks_do_and_the_cpu_the_rest():
    seconds = dict(zip(PARTS, (60.0, 1.0, 2.0, 3.0, 4.0, 30.0), strict=True))
    work = dict(zip(ON_GPU, (1e12, 2e12, 3e12, 4e12), strict=True))
    found = Estimate(1, seconds, work, {})
    assert found.wall(2) == 50
    assert found.on_gpu(2.0, 4) == {
        "data": 15, "pre-training": 0.5, "training": 1, "explaining": 1.5, "replacing lesions": 2, "scoring": 30,
    }  # fmt: skip


def test_the_parts_of_an_estimate(tiny):
    study = planned(tiny)
    found = estimate(study)
    assert found.cells == 4 and set(found.seconds) == set(PARTS) and set(found.work) == set(ON_GPU)
    assert found.seconds["data"] == 0 and all(found.seconds[name] > 0 for name in PARTS[1:])
    assert all(value > 0 for value in found.work.values())
    # Twice the samples are twice the explanations, exactly where it is counted.
    explanation = study.explanation.model_copy(update={"samples": 16})
    twice = estimate(study.model_copy(update={"explanation": explanation}))
    assert twice.work["explaining"] == 2 * found.work["explaining"]
    assert twice.work["training"] == found.work["training"]
    assert twice.disk["weights"] == found.disk["weights"] and twice.disk["tables"] == 2 * found.disk["tables"]


def test_operations_of_a_training_by_hand(tiny):
    # One arm without pre-training, one network, one epoch of 34 images and a third of the others, then all once more.
    study = planned(tiny, arms=["scratch"], depths=["all"])
    study = study.model_copy(update={"training": {**study.training, "epochs": 1}})
    one = speed.count("small", "all", (32, 32))
    sizes = {name: len(xaigt.load(tiny).split(name)) for name in ("train", "val", "test")}
    expected = (sizes["train"] + sizes["val"] / 3) * one.step + sum(sizes.values()) * one.forward
    assert estimate(study).work["training"] == pytest.approx(expected)
    assert estimate(study).work["pre-training"] == 0


def test_the_training_of_the_standard_preset_fits_an_hour_of_what_is_assumed():
    # Only what needs no probe: its training, which --dry-run counts as the same; explaining is said in its first lines.
    study = configuration.load(preset_path("standard"))
    passes = study.training["epochs"] * (study.data.samples["train"] + study.data.samples["val"] / 3)
    steps = sum(speed.count("resnet18", depth, (160, 160)).step for depth in study.grid.depths)
    minutes = passes * steps * len(study.grid.arms) * len(study.grid.seeds) / 10e12 / 60
    assert 10 < minutes < 30
