"""The quick way to the gradient of a convolution's weights gives torch's own gradient, and leaves no trace."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from xaigt.models import create, gradients
from xaigt.models.gradients import Convolution, quick_gradients


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 4), (7, 5), (3, 8)])
def test_gradients_are_those_of_torch(size, stride):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 5, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 5, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    wanted = functional.conv2d(inputs, weight, None, stride, 1)
    seen = torch.randn(wanted.shape, generator=generator, dtype=torch.float64)
    found = Convolution.apply(inputs, weight, stride)
    assert torch.equal(found, wanted)
    for one, other in zip(
        torch.autograd.grad(found, (inputs, weight), seen), torch.autograd.grad(wanted, (inputs, weight), seen),
        strict=True,
    ):  # fmt: skip
        assert torch.allclose(one, other, atol=1e-12)


def test_large_convolutions_on_tiny_grids_take_it_within_the_block_alone(monkeypatch):
    """Of ResNet10, the last stage's two of 3 x 3 at 64 x 64; none at 160 x 160, and none before and after."""
    torch.set_num_threads(1)
    network = create("resnet10", dim=2, outputs=1, size=(64, 64))
    calls = []
    way = gradients.weight_gradient
    monkeypatch.setattr(gradients, "weight_gradient", lambda *given: calls.append(given[1].shape) or way(*given))

    def backward(size):
        network.zero_grad()
        network(torch.linspace(-1, 1, 2 * size * size).view(2, 1, size, size)).sum().backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    wanted = backward(64)
    assert not calls
    with quick_gradients(network):
        found = backward(64)
        assert [tuple(shape) for shape in calls] == [(2, 512, 2, 2)] * 2
        backward(160)
        assert len(calls) == 2
    assert not any("forward" in vars(part) for part in network.modules())
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()) + 1e-7)


def test_convolutions_of_another_kind_are_left_alone():
    kinds = [{"groups": 2}, {"dilation": 2}, {"padding": 0}, {"kernel_size": 1}, {"bias": True}]
    usual = {"kernel_size": 3, "padding": 1, "bias": False}
    network = nn.ModuleList(nn.Conv2d(512, 2048, **{**usual, **kind}) for kind in [{}, *kinds])
    with quick_gradients(network):
        assert ["forward" in vars(part) for part in network] == [True, *[False] * len(kinds)]
