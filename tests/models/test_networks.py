"""Networks: the cut into stages changes nothing; freezing moves nothing, for every network."""

import pytest
import torch
from torch.nn import functional

from xaigt.models import ModelError, create, names, set_depth, train_mode
from xaigt.models.depth import batch_norms, calibrate
from xaigt.models.registry import assemble, source

EVERY = [(name, dim) for dim in (2, 3) for name in names(dim)]
QUICK = {("small", 2), ("small", 3), ("resnet10", 2), ("efficientnet-b0", 2), ("vit-s16", 2), ("axialnet", 3)}
CASES = [
    pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow, id="-".join(map(str, case))) for case in EVERY
]


def size_of(name, dim):
    if name == "axialnet":
        return (2, 32, 32)
    return (75, 75) if name == "inception-v3" else (32,) * dim


def bits(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module, before):
    return [name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])]


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_frozen_weights_and_statistics_do_not_move_by_one_bit(name, dim):
    """At head only and at half depth; and everything that is trained does move."""
    torch.set_num_threads(1)
    network = create(name, dim=dim, outputs=1, size=size_of(name, dim), seed=3)
    total = len(network.stages)
    inputs = torch.randn(2, 1, *size_of(name, dim), generator=torch.Generator().manual_seed(0))
    for depth in (0, total // 2):
        parameters = set_depth(network, depth)
        optimizer = torch.optim.AdamW(parameters, 1e-3, weight_decay=0.1)
        frozen, trained = network.stages[: total - depth], network.stages[total - depth :]
        before = {stage: bits(module) for stage, module in network.stages}
        head = bits(network.head)
        train_mode(network, depth)
        loss = functional.binary_cross_entropy_with_logits(network(inputs)[:, 0], torch.tensor([0.0, 1.0]))
        loss.backward()
        optimizer.step()
        for stage, module in frozen:
            assert moved(module, before[stage]) == []
            assert all(parameter.grad is None for parameter in module.parameters())
        for stage, module in trained:
            assert moved(module, before[stage])
        assert moved(network.head, head)
        network.zero_grad(set_to_none=True)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_stages_compute_what_the_source_computes(name, dim):
    torch.set_num_threads(1)
    whole = source(name, dim=dim, outputs=3, size=size_of(name, dim), seed=1).eval()
    inputs = torch.randn(1, 1, *size_of(name, dim), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = whole(inputs)
        wanted = wanted[0] if isinstance(wanted, tuple) else wanted
        network = assemble(name, whole, dim).eval()
        found = network(inputs)
        half = len(network.stages) // 2
        assert torch.equal(found, network.suffix(network.prefix(inputs, half), half))
    assert torch.allclose(found, wanted, atol=1e-6, rtol=1e-5)
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in whole.parameters())
    stages = [name for name, _ in network.stages]
    assert len(set(stages)) == len(stages) >= 4


def test_weights_are_those_of_the_seed_and_torchs_generator_is_left_alone():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    one, same, other = (create("small", dim=2, outputs=1, size=(16, 16), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert moved(one, bits(same)) == []
    assert moved(one, bits(other))


def test_adaptive_statistics_move_while_weights_do_not():
    network = create("small", dim=2, outputs=1, size=(16, 16))
    set_depth(network, 1)
    before = bits(network.body["block1"])
    train_mode(network, 1, "adaptive")
    network(torch.randn(4, 1, 16, 16))
    assert moved(network.body["block1"], before) == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]


def test_calibration_gives_the_statistics_of_the_data():
    """One batch: the running mean of the first normalisation is the mean of what the convolution gives."""
    network = create("small", dim=2, outputs=1, size=(16, 16))
    batch = torch.randn(16, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 3 + 1
    assert calibrate(network, 2, [batch]) == 2
    conv, norm = network.body["block1"][0], network.body["block1"][1]
    with torch.no_grad():
        response = conv(batch)
    assert torch.allclose(norm.running_mean, response.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, response.var((0, 2, 3)), rtol=1e-4)
    assert norm.momentum == 0.1
    assert torch.equal(network.body["block3"][1].running_mean, torch.zeros(64))
    assert not any(part.training for part in batch_norms(network))


def test_frozen_stages_have_no_dropout_in_training():
    network = create("vit-s16", dim=2, outputs=1, size=(32, 32))
    train_mode(network, 2)
    modes = [stage.training for _, stage in network.stages]
    assert modes == [False] * 11 + [True] * 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: create("resnet19", dim=2, outputs=1, size=(32, 32)), "did you mean 'resnet1"),
        (lambda: create("vgg16", dim=3, outputs=1, size=(32, 32, 32)), "no 3-D form"),
        (lambda: create("resnet18", dim=2, outputs=1, size=(16, 32)), "32 or more"),
        (lambda: create("resnet18", dim=2, outputs=1, size=(32, 32, 32)), "2 sides"),
        (lambda: create("vit-s16", dim=2, outputs=1, size=(40, 40)), "multiple of 16"),
        (lambda: set_depth(create("small", dim=2, outputs=1, size=(16, 16)), 5), "block1, block2"),
        (lambda: train_mode(create("small", dim=2, outputs=1, size=(16, 16)), 1, "thawed"), "frozen or adaptive"),
    ],
)
def test_errors_say_what_is_known(call, says):
    with pytest.raises(ModelError, match=says):
        call()


def test_hirescam_of_the_slice_network_sums_to_the_logit_less_its_bias():
    """The guarantee of arXiv 2011.08891, which holds for a linear layer after the last convolution."""
    from xaigt.explainers import explain

    torch.manual_seed(0)
    network = create("axialnet", dim=3, outputs=2, size=(3, 64, 64), seed=5).eval()
    volume = torch.randn(1, 1, 3, 64, 64)
    maps = explain(network, volume, 1, ["hirescam"], stages=["reduce"])["hirescam", "reduce"]
    with torch.no_grad():
        logit = network(volume)[0, 1] - network.head.linear.bias[1]
    assert maps.sum().item() == pytest.approx(logit.item(), abs=1e-6)
