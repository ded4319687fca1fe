"""Baselines against scipy and by hand."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from tests.explainers.tiny import batch, cnn
from xaigt.explainers import ExplainerError, explain


def run(method, inputs, context=None, **options):
    return explain(
        cnn(inputs.ndim - 2, channels=inputs.shape[1]),
        inputs,
        0,
        method,
        context=context,
        options={method: options},
    )[method, "input"]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_filters_are_those_of_scipy(dims, channels):
    inputs = batch(dims, channels=channels)
    images = inputs.mean(1).double().numpy()
    expected = {
        "sobel": [
            np.sqrt(sum(ndimage.sobel(i, axis, mode="nearest") ** 2 for axis in range(dims))) for i in images
        ],
        "laplace": [np.abs(ndimage.laplace(i, mode="nearest")) for i in images],
        "contrast": [np.abs(i - ndimage.gaussian_filter(i, 1.5, mode="nearest")) for i in images],
        "input": list(images),
    }
    for method, maps in expected.items():
        found = run(method, inputs, **({"sigma": 1.5} if method == "contrast" else {}))
        np.testing.assert_allclose(found.numpy(), np.stack(maps), atol=2e-5)


def test_given_maps():
    inputs = batch(2)
    mask = torch.zeros(3, 8, 8, dtype=torch.uint8)
    mask[1, 2, 3] = 7
    prior = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
    for shaped in (mask, mask[:, None]):
        torch.testing.assert_close(run("oracle", inputs, {"lesion": shaped}), (mask > 0).float())
        torch.testing.assert_close(run("support", inputs, {"support": shaped}), (mask > 0).float())
    torch.testing.assert_close(run("prior", inputs, {"prior": prior}), prior.expand(3, 8, 8))
    with pytest.raises(ExplainerError, match=r"needs context\['lesion'\]"):
        run("oracle", inputs, {"support": mask})
    with pytest.raises(ExplainerError, match="does not fit"):
        run("oracle", inputs, {"lesion": mask[:, :4]})


def test_random_is_uniform_and_hangs_on_seed_and_sample():
    inputs = batch(2, samples=4, size=64)
    maps = run("random", inputs)
    assert float(maps.min()) >= 0 and float(maps.max()) < 1
    assert abs(float(maps.mean()) - 0.5) < 5 * (1 / 12 / maps.numel()) ** 0.5
    torch.testing.assert_close(run("random", inputs[[3]]), maps[[3]], rtol=0, atol=0)
    assert not torch.equal(run("random", inputs, seed=1), maps)
    assert not torch.equal(maps[0], maps[1])


def test_untrained_is_a_network_that_knows_nothing_of_the_trained_one():
    net, other, inputs = cnn(2), cnn(2, seed=5), batch(2)
    for method in ("untrained/gradcam", "untrained/saliency"):
        one = explain(net, inputs, [2, 0, 1], method, ["relu2"])
        two = explain(other, inputs, [2, 0, 1], method, ["relu2"])
        seeded = explain(net, inputs, [2, 0, 1], method, ["relu2"], options={method: {"seed": 1}})
        for key in one:
            torch.testing.assert_close(one[key], two[key])
            assert not torch.allclose(one[key], seeded[key])
    fresh = cnn(2, seed=9)
    given = explain(
        net,
        inputs,
        [2, 0, 1],
        "untrained/gradcam",
        ["relu2"],
        options={"untrained/gradcam": {"model": fresh}},
    )
    direct = explain(fresh, inputs, [2, 0, 1], "gradcam", ["relu2"])
    torch.testing.assert_close(given["untrained/gradcam", "relu2"], direct["gradcam", "relu2"])


def test_untrained_explains_the_class_that_the_trained_one_predicts():
    net, inputs = cnn(2), batch(2)
    predicted = net(inputs).argmax(1)
    one = explain(net, inputs, None, "untrained/gradcam", ["relu2"])
    two = explain(net, inputs, predicted, "untrained/gradcam", ["relu2"])
    torch.testing.assert_close(one["untrained/gradcam", "relu2"], two["untrained/gradcam", "relu2"])
